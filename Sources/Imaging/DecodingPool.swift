import Dispatch
import Synchronization

/// A fixed number of threads that do blocking work in the order it came, none of them of Swift's cooperative pool.
///
/// What waits is bounded; a cancelled task's waiting work is dropped at once, and work that has begun is told to stop.
final class DecodingPool<Output: Sendable>: Sendable {
  typealias Answer = Result<Output, ImageError>

  /// Read by the work itself, now and then.
  final class Cancellation: Sendable {
    private let flag = Atomic(false)
    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    fileprivate func cancel() { flag.store(true, ordering: .relaxed) }
  }

  private struct Job: Sendable {
    let work: @Sendable (Cancellation) -> Answer
    let cancellation: Cancellation
    let continuation: CheckedContinuation<Answer, Never>
  }

  /// `waiting` holds some of the numbers in `next ..< end`; the others were cancelled.
  private struct State {
    var waiting: [UInt64: Job] = [:]
    var next: UInt64 = 0
    var end: UInt64 = 0
    var idle: [Int]
  }

  private let threads: [DispatchQueue]
  private let limit: Int
  private let state: Mutex<State>

  /// - Parameters:
  ///   - threads: at least 1 is used. A serial queue of its own keeps each off the pool that Swift's tasks run on.
  ///   - limit: jobs that may wait.
  init(threads: Int, limit: Int) {
    let count = max(1, threads)
    self.threads = (0..<count).map { DispatchQueue(label: "esvitd.decode.\($0)") }
    self.limit = max(1, limit)
    state = Mutex(State(idle: Array((0..<count).reversed())))
  }

  /// Runs `work` on one of the threads.
  func run(_ work: @escaping @Sendable (Cancellation) -> Answer) async -> Answer {
    let cancellation = Cancellation()
    let number = Mutex<UInt64?>(nil)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let job = Job(work: work, cancellation: cancellation, continuation: continuation)
        guard let mine = submit(job) else { return continuation.resume(returning: .failure(.overloaded(limit: limit))) }
        number.withLock { $0 = mine }
        // The task may have been cancelled before the number was known.
        if cancellation.isCancelled { drop(mine) }
      }
    } onCancel: {
      cancellation.cancel()
      if let mine = number.withLock({ $0 }) { drop(mine) }
    }
  }

  /// How many jobs wait for a thread.
  var waitingCount: Int { state.withLock { $0.waiting.count } }

  /// - Returns: the job's number, or nil when too many wait.
  private func submit(_ job: Job) -> UInt64? {
    let (number, thread) = state.withLock { state -> (UInt64?, Int?) in
      guard state.waiting.count < limit else { return (nil, nil) }
      let number = state.end
      state.end += 1
      state.waiting[number] = job
      return (number, state.idle.popLast())
    }
    if let thread { threads[thread].async { self.work(as: thread) } }
    return number
  }

  private func drop(_ number: UInt64) {
    state.withLock { $0.waiting.removeValue(forKey: number) }?.continuation.resume(returning: .failure(.cancelled))
  }

  /// Works until nothing waits.
  private func work(as thread: Int) {
    while let job = take(for: thread) {
      job.continuation.resume(returning: job.work(job.cancellation))
    }
  }

  private func take(for thread: Int) -> Job? {
    state.withLock { state in
      while state.next < state.end {
        defer { state.next += 1 }
        if let job = state.waiting.removeValue(forKey: state.next) { return job }
      }
      state.idle.append(thread)
      return nil
    }
  }
}
