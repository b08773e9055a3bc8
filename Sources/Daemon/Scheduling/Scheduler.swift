// Runs the batching policy: images in, batches to the device, embeddings out.
import Synchronization

/// The queue has no room for a request's images.
package struct QueueFull: Error {
  /// Images that may be in hand over all clients.
  package let limit: Int
}

/// A request has more images than the queue can ever hold.
package struct RequestOverQueue: Error {
  let images: Int
  /// Images that may be in hand over all clients.
  let limit: Int
}

/// The one owner of the queue between decoding and the device.
package actor Scheduler<Encoder: BatchEncoding> {
  private struct Job {
    let id: Int
    let lane: Int
    let image: Encoder.Image
    let arrived: Duration
    let answer: CheckedContinuation<Result<Encoder.Output, any Error>, Never>
  }

  private let encoder: Encoder
  private let statistics: Statistics
  private let start = ContinuousClock.now
  private var policy: BatchPolicy<Job>
  private var nextID = 0
  private var timer: Task<Void, Never>?

  /// - Parameters:
  ///   - maximumBatch: images in a batch, at most the encoder's own limit.
  ///   - batchWait: how long an image waits at most for others while the device is free.
  ///   - queueLength: images in hand over all clients, beyond which requests are refused.
  package init(
    encoder: Encoder, maximumBatch: Int, batchWait: Duration, queueLength: Int, statistics: Statistics
  ) {
    self.encoder = encoder
    self.statistics = statistics
    policy = BatchPolicy(
      maximumBatch: min(maximumBatch, encoder.maximumBatch), batchWait: batchWait, queueLength: queueLength)
  }

  /// Images in a batch at most.
  package var maximumBatch: Int { policy.maximumBatch }
  /// Images let in and not yet finished, over all clients.
  package var inHand: Int { policy.inHand }
  /// Images that wait for a batch.
  package var waiting: Int { policy.waiting }

  /// Lets a request with `count` images in for as long as `body` runs.
  ///
  /// - Parameter lane: the client; clients take turns.
  /// - Throws: `RequestOverQueue` or `QueueFull` before anything is done, else what `body` throws.
  package func withPlaces<Value: Sendable>(
    _ count: Int, lane: Int, _ body: (Places) async throws -> Value
  ) async throws -> Value {
    guard count <= policy.queueLength else { throw RequestOverQueue(images: count, limit: policy.queueLength) }
    guard policy.admit(count) else { throw QueueFull(limit: policy.queueLength) }
    let places = Places(scheduler: self, lane: lane, count: count)
    defer { forgo(places.takeRest()) }
    return try await body(places)
  }

  /// Encodes an image that was let in. Cancelling the task takes it out of the queue.
  fileprivate func encode(_ image: Encoder.Image, lane: Int) async throws -> Encoder.Output {
    let id = nextID
    nextID += 1
    let result: Result<Encoder.Output, any Error> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled else {
          policy.forgo(1)
          advance()
          return continuation.resume(returning: .failure(CancellationError()))
        }
        let now = start.duration(to: .now)
        policy.arrive(Job(id: id, lane: lane, image: image, arrived: now, answer: continuation), lane: lane, now: now)
        advance()
      }
    } onCancel: {
      Task { await cancel(id, lane: lane) }
    }
    return try result.get()
  }

  fileprivate func forgo(_ count: Int) {
    guard count > 0 else { return }
    policy.forgo(count)
    advance()
  }

  private func cancel(_ id: Int, lane: Int) {
    guard let job = policy.cancel(lane: lane, where: { $0.id == id }) else { return }
    job.answer.resume(returning: .failure(CancellationError()))
  }

  /// Follows the policy's decision; called after every event.
  private func advance() {
    timer?.cancel()
    timer = nil
    switch policy.decide(now: start.duration(to: .now)) {
    case .rest: break
    case .wait(let deadline):
      timer = Task {
        try? await Task.sleep(until: start + deadline, clock: .continuous)
        if !Task.isCancelled { advance() }
      }
    case .encode(let batch):
      // Not a child of any request: the batch has images of several, and none of them owns it.
      Task { await run(batch) }
    }
  }

  private func run(_ batch: [Job]) async {
    let begin = start.duration(to: .now)
    for job in batch { statistics.record(.wait, begin - job.arrived) }
    var results: [Result<Encoder.Output, any Error>]
    do {
      results = try await encoder.encodeBatch(batch.map(\.image))
    } catch {
      results = batch.map { _ in .failure(error) }
    }
    let took = start.duration(to: .now) - begin
    statistics.recordBatch(batch.count, took)
    for (index, job) in batch.enumerated() {
      // An encoder that answers too little must not leave a client waiting.
      job.answer.resume(returning: index < results.count ? results[index] : .failure(MissingResult()))
    }
    results = []
    // A search follows its image to the device at once. Where clients share the device, the next batch lets it pass,
    // for a hundredth of a batch's time: behind the batch it would wait a hundred times longer.
    if Set(batch.map(\.lane)).count > 1 { try? await Task.sleep(for: min(took / 100, .milliseconds(1))) }
    policy.finish()
    advance()
  }
}

/// The encoder answered fewer images than it was given.
struct MissingResult: Error, CustomStringConvertible {
  var description: String { "the encoder left an image of the batch unanswered" }
}

extension Scheduler {
  /// A request's places in the queue: each is used once, by an image that is encoded or given up.
  package final class Places: Sendable {
    private let scheduler: Scheduler
    private let lane: Int
    private let rest: Mutex<Int>

    fileprivate init(scheduler: Scheduler, lane: Int, count: Int) {
      (self.scheduler, self.lane) = (scheduler, lane)
      rest = Mutex(count)
    }

    /// Encodes one image. - Throws: the image's own error, the device's, or `CancellationError`.
    package func encode(_ image: Encoder.Image) async throws -> Encoder.Output {
      use()
      return try await scheduler.encode(image, lane: lane)
    }

    /// Gives one place up: its image cannot be decoded, or need not be encoded.
    package func forgo() async {
      use()
      await scheduler.forgo(1)
    }

    private func use() { rest.withLock { $0 -= 1 } }

    fileprivate func takeRest() -> Int {
      rest.withLock { rest in
        defer { rest = 0 }
        return max(0, rest)
      }
    }
  }
}
