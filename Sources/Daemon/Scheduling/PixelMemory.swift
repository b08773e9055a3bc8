// Bounds the memory of decoded images: a small JPEG can stand for 300 MB of pixels.

/// Lets an image be decoded only while the decoded ones in hand take less than `limit` bytes and fewer than
/// `concurrency` are being decoded; others wait in the order of asking.
///
/// An image's size is known only afterwards, so what this bounds is `limit` and `concurrency` images more.
package actor PixelMemory {
  private let limit: Int
  private let concurrency: Int
  private var used = 0
  private var decoding = 0
  private var nextID = 0
  private var waiting: [(id: Int, turn: CheckedContinuation<Bool, Never>)] = []

  /// - Parameters:
  ///   - limit: bytes of pixels.
  ///   - concurrency: images that are decoded at a time.
  package init(limit: Int, concurrency: Int) {
    self.limit = limit
    self.concurrency = concurrency
  }

  /// Waits for the turn to decode; `leave` must follow. - Throws: `CancellationError`.
  package func enter() async throws {
    if hasRoom && waiting.isEmpty {
      decoding += 1
      return
    }
    let id = nextID
    nextID += 1
    let entered = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled { continuation.resume(returning: false) } else { waiting.append((id, continuation)) }
      }
    } onCancel: {
      Task { await giveUp(id) }
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

  private var hasRoom: Bool { used < limit && decoding < concurrency }

  private func wake() {
    while hasRoom, !waiting.isEmpty {
      decoding += 1
      waiting.removeFirst().turn.resume(returning: true)
    }
  }

  private func giveUp(_ id: Int) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    waiting.remove(at: index).turn.resume(returning: false)
  }
}
