import Synchronization

/// Lets requests in until the daemon drains, and tells when the last one in hand is answered.
final class RequestGate: Sendable {
  private enum State {
    case open(inHand: Int)
    case draining(inHand: Int)
  }

  private let state = Mutex(State.open(inHand: 0))
  private let empty = Latch()

  /// Counts a request in; false where the daemon drains.
  func enter() -> Bool {
    state.withLock { state in
      guard case .open(let inHand) = state else { return false }
      state = .open(inHand: inHand + 1)
      return true
    }
  }

  /// A request that was let in has been answered.
  func leave() {
    let isEmpty = state.withLock { state in
      switch state {
      case .open(let inHand):
        state = .open(inHand: inHand - 1)
        return false
      case .draining(let inHand):
        state = .draining(inHand: inHand - 1)
        return inHand == 1
      }
    }
    if isEmpty { empty.open() }
  }

  /// Lets nobody in any more.
  func close() {
    let isEmpty = state.withLock { state in
      guard case .open(let inHand) = state else { return false }
      state = .draining(inHand: inHand)
      return inHand == 0
    }
    if isEmpty { empty.open() }
  }

  /// Requests in hand.
  var inHand: Int {
    state.withLock { state in
      switch state {
      case .open(let inHand), .draining(let inHand): inHand
      }
    }
  }

  /// Returns when the gate is closed and the last request is answered, or when the task is cancelled.
  func drained() async {
    await empty.wait()
  }
}
