import OpenCL

/// Many searches or one change at a time, first come, first served.
///
/// The device actor is re-entrant: while a change waits for its commit, other calls run. The gate keeps them from
/// seeing the store and the device's copy between two states.
@DeviceActor
final class Gate {
  private enum Holder { case free, shared(Int), exclusive }
  enum Kind { case shared, exclusive }

  private var holder = Holder.free
  private var waiting: [(kind: Kind, resume: CheckedContinuation<Void, Never>)] = []
  private var nextWaiting = 0

  /// Waits for its turn; `leave` must follow, best by `defer`.
  func enter(_ kind: Kind) async {
    // Nobody overtakes a waiting change, or a stream of searches would starve it.
    if nextWaiting == waiting.count, admit(kind) { return }
    // Resumed by `leave`, which has then admitted it already.
    await withCheckedContinuation { waiting.append((kind, $0)) }
  }

  private func admit(_ kind: Kind) -> Bool {
    switch (holder, kind) {
    case (.free, .shared): holder = .shared(1)
    case (.shared(let count), .shared): holder = .shared(count + 1)
    case (.free, .exclusive): holder = .exclusive
    default: return false
    }
    return true
  }

  func leave() {
    switch holder {
    case .shared(let count) where count > 1: holder = .shared(count - 1)
    default: holder = .free
    }
    while nextWaiting < waiting.count, admit(waiting[nextWaiting].kind) {
      waiting[nextWaiting].resume.resume()
      nextWaiting += 1
    }
    if nextWaiting == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      nextWaiting = 0
    } else if nextWaiting > 256, nextWaiting > waiting.count / 2 {
      waiting.removeFirst(nextWaiting)
      nextWaiting = 0
    }
  }
}
