import COpenCL

/// A command's completion, and its times where the queue measures them.
@DeviceActor
package final class Event {
  let handle: Handle

  init(_ handle: Handle) { self.handle = handle }

  /// Blocks the device thread until the command has run.
  package func wait() throws(OpenCLError) {
    var event: cl_event? = handle.pointer
    try check(clWaitForEvents(1, &event), "Waiting for a command")
  }

  /// Nanoseconds that the command ran on the device, once it has; the queue must have been created with `profiling`.
  package func duration() throws(OpenCLError) -> UInt64 {
    try wait()
    var start: cl_ulong = 0
    var end: cl_ulong = 0
    let size = MemoryLayout<cl_ulong>.size
    let pointer = handle.pointer
    try check(
      clGetEventProfilingInfo(pointer, cl_profiling_info(CL_PROFILING_COMMAND_START), size, &start, nil),
      "Reading a time")
    try check(
      clGetEventProfilingInfo(pointer, cl_profiling_info(CL_PROFILING_COMMAND_END), size, &end, nil), "Reading a time")
    return end &- start
  }
}
