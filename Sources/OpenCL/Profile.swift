import COpenCL

/// One command that ran on a queue, and for how long.
package struct LaunchRecord: Sendable, Equatable {
  package enum Command: Sendable, Hashable {
    /// A kernel and the source it is from, such as `gemm.cpu.cl`.
    case kernel(String, file: String)
    /// A copy from the host to the device.
    case write
    /// A copy from the device to the host.
    case read
  }

  package let command: Command
  /// From the command's start to its end on the device, without its time in the queue.
  package let nanoseconds: UInt64

  package init(command: Command, nanoseconds: UInt64) {
    self.command = command
    self.nanoseconds = nanoseconds
  }
}

extension CommandQueue {
  /// Runs `body`, waits for all that it enqueued, and tells what that was, in order.
  ///
  /// - Throws: what `body` does; `OpenCLError` where the context was not made for profiling.
  package func profiled(_ body: () throws -> Void) throws -> [LaunchRecord] {
    recording = []
    defer { recording = nil }
    try body()
    try finish()
    return try (recording ?? []).map { command, event in
      LaunchRecord(command: command, nanoseconds: try event.duration())
    }
  }

  /// Enqueues a command by `enqueue`, which is given where to leave its event if that is wanted.
  func recorded(
    _ command: LaunchRecord.Command, _ enqueue: (UnsafeMutablePointer<cl_event?>?) -> cl_int
  ) -> cl_int {
    guard recording != nil else { return enqueue(nil) }
    var event: cl_event?
    let status = enqueue(&event)
    if let event { recording?.append((command, Event(Handle(event) { clReleaseEvent($0) }))) }
    return status
  }
}
