import Foundation
import Synchronization
import Testing

@testable import Imaging

@Suite struct DecodingPoolTests {
  /// Work that holds its thread until it is let go.
  private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let begun = AsyncStream<Void>.makeStream()

    func hold() {
      begun.continuation.yield()
      semaphore.wait()
    }

    func waitUntilHeld() async {
      var iterator = begun.stream.makeAsyncIterator()
      await iterator.next()
    }

    func open() { semaphore.signal() }
  }

  /// A value that several jobs change.
  private final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    var value: Value { mutex.withLock { $0 } }
    func change(_ body: @Sendable (inout Value) -> Void) {
      mutex.withLock { body(&$0) }
    }
  }

  /// Suspends until `condition` holds; the test's time limit bounds it.
  private func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
  }

  @Test("no more jobs run at once than there are threads, and all are done", .timeLimit(.minutes(1)))
  func width() async throws {
    let pool = DecodingPool<Int>(threads: 3, limit: 1000)
    let running = Shared((now: 0, most: 0))
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          try await pool.run { _ in
            running.change {
              $0.now += 1
              $0.most = max($0.most, $0.now)
            }
            defer { running.change { $0.now -= 1 } }
            return .success(number)
          }.get()
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 199 * 200 / 2)
    #expect(running.value.most <= 3)
  }

  @Test("jobs begin in the order they came", .timeLimit(.minutes(1)))
  func order() async {
    let pool = DecodingPool<Int>(threads: 1, limit: 100)
    let gate = Gate()
    let order = Shared<[Int]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        _ = await pool.run { _ in
          gate.hold(); return .success(0)
        }
      }
      await gate.waitUntilHeld()
      for number in 0..<20 {
        group.addTask {
          _ = await pool.run { _ in
            order.change { $0.append(number) }; return .success(0)
          }
        }
        await until { pool.waitingCount == number + 1 }
      }
      gate.open()
    }
    #expect(order.value == Array(0..<20))
  }

  @Test("a full queue answers overloaded", .timeLimit(.minutes(1)))
  func overloaded() async {
    let pool = DecodingPool<Int>(threads: 1, limit: 2)
    let gate = Gate()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        _ = await pool.run { _ in
          gate.hold(); return .success(0)
        }
      }
      await gate.waitUntilHeld()
      for _ in 0..<2 { group.addTask { _ = await pool.run { _ in .success(0) } } }
      await until { pool.waitingCount == 2 }
      #expect(await pool.run { _ in .success(1) } == .failure(.overloaded(limit: 2)))
      gate.open()
    }
    #expect(await pool.run { _ in .success(1) } == .success(1))
  }

  @Test("cancelling drops what waits and tells what runs", .timeLimit(.minutes(1)))
  func cancellation() async {
    let pool = DecodingPool<Int>(threads: 1, limit: 10)
    let gate = Gate()
    let running = Task {
      await pool.run { cancellation in
        gate.hold()
        return cancellation.isCancelled ? .failure(.cancelled) : .success(0)
      }
    }
    await gate.waitUntilHeld()
    let didRun = Shared(false)
    let waiting = Task {
      await pool.run { _ in
        didRun.change { $0 = true }
        return .success(0)
      }
    }
    await until { pool.waitingCount == 1 }
    waiting.cancel()
    // Answered while the only thread is still held.
    #expect(await waiting.value == .failure(.cancelled))
    #expect(pool.waitingCount == 0)
    running.cancel()
    gate.open()
    #expect(await running.value == .failure(.cancelled))
    #expect(!didRun.value)
    #expect(await pool.run { _ in .success(7) } == .success(7))
  }

  @Test("a task that is cancelled before it asks is not served", .timeLimit(.minutes(1)))
  func cancelledBefore() async {
    let pool = DecodingPool<Int>(threads: 1, limit: 10)
    let gate = Gate()
    let holder = Task {
      await pool.run { _ in
        gate.hold(); return .success(0)
      }
    }
    await gate.waitUntilHeld()
    let late = Task { () -> DecodingPool<Int>.Answer in
      await until { Task.isCancelled }
      return await pool.run { _ in .success(0) }
    }
    late.cancel()
    #expect(await late.value == .failure(.cancelled))
    gate.open()
    #expect(await holder.value == .success(0))
  }
}
