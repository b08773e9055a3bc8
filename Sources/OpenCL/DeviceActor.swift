import Dispatch
import Foundation
import Synchronization

/// The actor that owns everything on the device: contexts, queues, programs, buffers.
///
/// OpenCL calls block, `clSetKernelArg` is not thread-safe, and a driver may compile for seconds; so all of it runs
/// on one thread of its own and never on Swift's cooperative pool. Isolation to this actor is checked by the compiler.
@globalActor
package actor DeviceActor {
  package static let shared = DeviceActor()
  private nonisolated let thread = DeviceThread()

  package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// Runs `body` on the device thread.
  package static func run<T: Sendable, E: Error>(
    _ body: @DeviceActor () throws(E) -> T
  ) async throws(E) -> T { try await body() }
}

/// A serial executor with one dedicated thread, which lives as long as the process.
private final class DeviceThread: SerialExecutor {
  private let jobs = Mutex<[UnownedJob]>([])
  private let available = DispatchSemaphore(value: 0)

  init() {
    let thread = Thread { [self] in
      while true {
        available.wait()
        let waiting = jobs.withLock { jobs in
          defer { jobs = [] }
          return jobs
        }
        for job in waiting { job.runSynchronously(on: asUnownedSerialExecutor()) }
      }
    }
    thread.name = "device"
    thread.stackSize = 16 << 20  // drivers run their compiler on the calling thread
    thread.start()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    available.signal()
  }
}
