// Bounds the memory of decoded images: a small JPEG can stand for 300 MB of pixels.

/// Lets an image be decoded only while the decoded ones in hand take less than `limit` bytes and fewer than
/// `concurrency` are being decoded; others wait, and clients take turns.
///
/// An image's size is known only afterwards, so what this bounds is `limit` and `concurrency` images more.
package actor PixelMemory {
  private let limit: Int
  private let concurrency: Int
  private var used = 0
  private var decoding = 0
  private var nextID = 0
  private var waiting = Lanes<Waiter>()

  private struct Waiter {
    let id: Int
    let turn: CheckedContinuation<Bool, Never>
  }

  /// - Parameters:
  ///   - limit: bytes of pixels.
  ///   - concurrency: images that are decoded at a time.
  package init(limit: Int, concurrency: Int) {
    self.limit = limit
    self.concurrency = concurrency
  }

  /// Waits for the turn to decode; `leave` must follow.
  ///
  /// - Parameter lane: the client's connection.
  /// - Throws: `CancellationError`.
  package func enter(lane: Int) async throws {
    if hasRoom && waiting.isEmpty {
      decoding += 1
      return
    }
    let id = nextID
    nextID += 1
    let entered = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled else { return continuation.resume(returning: false) }
        waiting.append(Waiter(id: id, turn: continuation), lane: lane)
      }
    } onCancel: {
      Task { await giveUp(id, lane: lane) }
    }
    guard entered else { throw CancellationError() }
  }

  /// The image was decoded to so many bytes, or to none.
  package func leave(holding bytes: Int) {
    decoding -= 1
    used += bytes
    wake()
  }

  /// The pixels are no longer needed.
  package func free(_ bytes: Int) {
    used -= bytes
    wake()
  }

  /// Images that wait for their turn.
  var waitingCount: Int { waiting.count }

  private var hasRoom: Bool { used < limit && decoding < concurrency }

  private func wake() {
    while hasRoom, let next = waiting.take(1).first {
      decoding += 1
      next.turn.resume(returning: true)
    }
  }

  private func giveUp(_ id: Int, lane: Int) {
    waiting.remove(lane: lane) { $0.id == id }?.turn.resume(returning: false)
  }
}
