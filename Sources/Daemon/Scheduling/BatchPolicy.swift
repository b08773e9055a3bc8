// When a batch leaves and which images are in it: the whole batching policy, without a clock, a device or a client.

/// Collects the images of all clients into device batches.
///
/// While the device works, images wait. When it is free, a batch leaves as soon as one of these holds:
/// - it is full;
/// - its oldest image has waited `batchWait`;
/// - no image in hand could still join it: every image of every request that was let in is here. So a lone request
///   never waits for company that cannot come.
struct BatchPolicy<Job> {
  /// Images in a batch at most.
  let maximumBatch: Int
  /// How long an image waits for its batch to fill while the device is free.
  let batchWait: Duration
  /// Images that may be in hand (announced, waiting or in work).
  let queueLength: Int

  /// What to do now.
  enum Decision {
    /// Nothing, until the next event.
    case rest
    /// Ask again at this time unless an event comes first.
    case wait(until: Duration)
    /// Encode these now.
    case encode([Job])
  }

  private struct Waiting {
    let job: Job
    let since: Duration
  }

  private var lanes = Lanes<Waiting>()
  /// Images that were let in and are still being decoded.
  private(set) var coming = 0
  private var encoding = 0

  init(maximumBatch: Int, batchWait: Duration, queueLength: Int) {
    self.maximumBatch = maximumBatch
    self.batchWait = batchWait
    self.queueLength = queueLength
  }

  /// Images that wait for a batch.
  var waiting: Int { lanes.count }
  /// Images let in and not yet finished.
  var inHand: Int { coming + lanes.count + encoding }

  /// Lets `count` images in; false, and nothing happens, where the queue has no room for all of them.
  mutating func admit(_ count: Int) -> Bool {
    guard count <= queueLength - inHand else { return false }
    coming += count
    return true
  }

  /// `count` images that were let in will not come: their files were unreadable, or their client is gone.
  mutating func forgo(_ count: Int) {
    coming -= count
  }

  /// An image that was let in has been decoded.
  mutating func arrive(_ job: Job, lane: Int, now: Duration) {
    coming -= 1
    lanes.append(Waiting(job: job, since: now), lane: lane)
  }

  /// Takes out a waiting image; nil where it is in work already or finished.
  mutating func cancel(lane: Int, where matches: (Job) -> Bool) -> Job? {
    lanes.remove(lane: lane) { matches($0.job) }?.job
  }

  /// The device has finished its batch, well or not.
  mutating func finish() {
    encoding = 0
  }

  /// Decides; a batch that it hands out counts as in work until `finish`.
  mutating func decide(now: Duration) -> Decision {
    guard encoding == 0, let oldest = lanes.jobs.map(\.since).min() else { return .rest }
    let deadline = oldest + batchWait
    guard lanes.count >= maximumBatch || coming == 0 || now >= deadline else { return .wait(until: deadline) }
    let batch = lanes.take(maximumBatch).map(\.job)
    encoding = batch.count
    return .encode(batch)
  }
}
