import Synchronization
import Testing

@testable import Daemon

/// An encoder whose batches end when the test says so; "embeds" a number as its tenfold.
private final class SteppedEncoder: BatchEncoding {
  struct Broken: Error {}
  struct BadImage: Error {}

  let maximumBatch = 8
  let begun = Counter()
  private let batches = Mutex<[[Int]]>([])
  private let steps = AsyncStream<Bool>.makeStream()

  /// The batches that were begun.
  var seen: [[Int]] { batches.withLock { $0 } }

  /// Lets the batch at work end; `well` or with a failure of the device.
  func finishBatch(well: Bool = true) { steps.continuation.yield(well) }

  func encodeBatch(_ images: [Int]) async throws -> [Result<Int, any Error>] {
    batches.withLock { $0.append(images) }
    begun.add()
    var turn = steps.stream.makeAsyncIterator()
    guard await turn.next() == true else { throw Broken() }
    return images.map { $0 < 0 ? .failure(BadImage()) : .success($0 * 10) }
  }
}

@Suite(.timeLimit(.minutes(1))) struct SchedulerTests {
  private func scheduler(_ encoder: SteppedEncoder, batch: Int = 4, queue: Int = 100) -> Scheduler<SteppedEncoder> {
    // No batch leaves because of the time: how fast the machine is decides nothing.
    Scheduler(
      encoder: encoder, maximumBatch: batch, batchWait: .seconds(600), queueLength: queue, statistics: Statistics())
  }

  /// A request of one image.
  private func encode(_ image: Int, lane: Int, by scheduler: Scheduler<SteppedEncoder>) -> Task<Int, any Error> {
    Task { try await scheduler.withPlaces(1, lane: lane) { try await $0.encode(image) } }
  }

  /// Waits until so many images wait in the queue.
  private func waiting(_ count: Int, in scheduler: Scheduler<SteppedEncoder>) async {
    while await scheduler.waiting != count { await Task.yield() }
  }

  /// Waits until nothing is in hand: an answer goes out a moment before its batch is over.
  private func emptied(_ scheduler: Scheduler<SteppedEncoder>) async {
    while await scheduler.inHand != 0 { await Task.yield() }
  }

  @Test("images that come while the device works share the next batch, and each gets its own answer")
  func shares() async throws {
    let encoder = SteppedEncoder()
    let scheduler = scheduler(encoder)
    let first = encode(1, lane: 1, by: scheduler)
    await encoder.begun.reached(1)
    let others = (2...4).map { encode($0, lane: $0, by: scheduler) }
    await waiting(3, in: scheduler)
    encoder.finishBatch()
    #expect(try await first.value == 10)
    await encoder.begun.reached(2)
    encoder.finishBatch()
    for (index, other) in others.enumerated() { #expect(try await other.value == (index + 2) * 10) }
    #expect(encoder.seen.map { Set($0) } == [[1], [2, 3, 4]])
    await emptied(scheduler)
  }

  @Test("an image whose client is gone is not encoded")
  func cancelled() async throws {
    let encoder = SteppedEncoder()
    let scheduler = scheduler(encoder)
    let first = encode(1, lane: 1, by: scheduler)
    await encoder.begun.reached(1)
    let second = encode(2, lane: 2, by: scheduler)
    let third = encode(3, lane: 3, by: scheduler)
    await waiting(2, in: scheduler)
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    encoder.finishBatch()
    encoder.finishBatch()
    #expect(try await first.value == 10)
    #expect(try await third.value == 30)
    #expect(encoder.seen == [[1], [3]])
    await emptied(scheduler)
  }

  @Test("a bad image fails alone; a failing device fails its batch, and the next one is tried")
  func failures() async throws {
    let encoder = SteppedEncoder()
    let scheduler = scheduler(encoder)
    let results = Task {
      try await scheduler.withPlaces(2, lane: 1) { places in
        let good = Task { try await places.encode(5) }
        let bad = Task { try await places.encode(-1) }
        let value = try await good.value
        await #expect(throws: SteppedEncoder.BadImage.self) { try await bad.value }
        return value
      }
    }
    encoder.finishBatch()
    #expect(try await results.value == 50)
    let failed = encode(6, lane: 1, by: scheduler)
    encoder.finishBatch(well: false)
    await #expect(throws: SteppedEncoder.Broken.self) { try await failed.value }
    let next = encode(7, lane: 1, by: scheduler)
    encoder.finishBatch()
    #expect(try await next.value == 70)
  }

  @Test("a request beyond the queue's length is refused whole, before any work; unused places are given back")
  func overloaded() async throws {
    let encoder = SteppedEncoder()
    let scheduler = scheduler(encoder, queue: 3)
    let error = await #expect(throws: RequestOverQueue.self) {
      try await scheduler.withPlaces(4, lane: 1) { _ in }
    }
    #expect(error?.limit == 3)
    #expect(error?.images == 4)
    try await scheduler.withPlaces(3, lane: 1) { places in
      await places.forgo()
      #expect(await scheduler.inHand == 2)
      await #expect(throws: QueueFull.self) {
        try await scheduler.withPlaces(2, lane: 1) { _ in }
      }
    }
    #expect(await scheduler.inHand == 0)
    #expect(encoder.seen.isEmpty)
  }

  @Test("decoded pixels in hand are bounded: the next image waits until some are freed, or is cancelled")
  func pixelMemory() async throws {
    let memory = PixelMemory(limit: 100, concurrency: 2)
    try await memory.enter(lane: 1)
    try await memory.enter(lane: 1)
    let third = Task { try await memory.enter(lane: 1) }
    await memory.leave(holding: 60)
    await memory.leave(holding: 60)
    third.cancel()
    await #expect(throws: CancellationError.self) { try await third.value }
    let fourth = Task { try await memory.enter(lane: 1) }
    await memory.free(60)
    try await fourth.value
  }

  @Test("decoding takes clients in turn")
  func pixelTurns() async throws {
    let memory = PixelMemory(limit: 100, concurrency: 1)
    try await memory.enter(lane: 1)
    let (turns, turn) = AsyncStream.makeStream(of: Int.self)
    var tasks: [Task<Void, any Error>] = []
    for lane in [1, 1, 1, 2] {
      let before = await memory.waitingCount
      tasks.append(
        Task {
          try await memory.enter(lane: lane)
          turn.yield(lane)
          await memory.leave(holding: 0)
        })
      while await memory.waitingCount == before { await Task.yield() }
    }
    await memory.leave(holding: 0)
    for task in tasks { try await task.value }
    turn.finish()
    var order: [Int] = []
    for await lane in turns { order.append(lane) }
    #expect(order == [1, 2, 1, 1])
  }
}
