import COpenCL

/// An in-order queue of commands to one device. Everything is enqueued at once; only `finish` and `read` wait.
@DeviceActor
package final class CommandQueue {
  let handle: Handle
  /// What runs while `profiled` listens.
  var recording: [(LaunchRecord.Command, Event)]?

  /// - Parameter profiling: whether the device notes each command's time, for `profiled`.
  package init(context: Context, profiling: Bool = false) throws(OpenCLError) {
    var status: cl_int = 0
    let properties = profiling ? cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE) : 0
    // The OpenCL 1.2 call, deprecated since but present in every loader: 1.2 devices are supported.
    let queue = clCreateCommandQueue(context.handle.pointer, context.device.id.pointer, properties, &status)
    try check(status, "Creating a command queue on \(context.device.name)")
    guard let queue else { throw OpenCLError(operation: "clCreateCommandQueue returned nothing") }
    handle = Handle(queue) { clReleaseCommandQueue($0) }
  }

  /// Enqueues `kernel` over `global` work-items in groups of `local` (the driver's choice where nil), without waiting.
  package func enqueue(_ kernel: Kernel, global: [Int], local: [Int]? = nil) throws(OpenCLError) {
    let what = { "Launching kernel \(kernel.name) over \(global)" + (local.map { " in groups of \($0)" } ?? "") }
    guard 1...3 ~= global.count, local.map({ $0.count == global.count }) ?? true,
      !global.contains(where: { $0 < 1 })
    else { throw OpenCLError(status: CL_INVALID_WORK_DIMENSION, operation: what()) }
    let status = recorded(.kernel(kernel.name, file: kernel.file)) {
      clEnqueueNDRangeKernel(
        handle.pointer, kernel.handle.pointer, cl_uint(global.count), nil, global, local, 0, nil, $0)
    }
    try check(status, what())
  }

  /// Copies host elements to `buffer` from element `offset`; returns when `elements` may be reused.
  package func write<Element>(
    _ elements: [Element], to buffer: Buffer<Element>, at offset: Int = 0
  ) throws(OpenCLError) {
    try write(elements.span, to: buffer, at: offset)
  }

  /// Copies host elements to `buffer` from element `offset`; returns when `elements` may be reused.
  package func write<Element>(
    _ elements: Span<Element>, to buffer: Buffer<Element>, at offset: Int = 0
  ) throws(OpenCLError) {
    try checkRange(offset, elements.count, of: buffer, "Writing")
    guard !elements.isEmpty else { return }
    let status = elements.withUnsafeBytes { bytes in
      recorded(.write) {
        clEnqueueWriteBuffer(
          handle.pointer, buffer.handle.pointer, cl_bool(CL_TRUE), offset * MemoryLayout<Element>.stride, bytes.count,
          bytes.baseAddress, 0, nil, $0)
      }
    }
    try check(status, "Writing \(elements.count) elements to the device")
  }

  /// Waits for what was enqueued and returns `count` elements of `buffer` from element `offset`.
  package func read<Element>(
    _ buffer: Buffer<Element>, at offset: Int = 0, count: Int? = nil
  ) throws(OpenCLError) -> [Element] {
    let count = count ?? buffer.count - offset
    try checkRange(offset, count, of: buffer, "Reading")
    guard count > 0 else { return [] }
    var status: cl_int = 0
    let elements = [Element](unsafeUninitializedCapacity: count) { destination, initialized in
      status = recorded(.read) {
        clEnqueueReadBuffer(
          handle.pointer, buffer.handle.pointer, cl_bool(CL_TRUE), offset * MemoryLayout<Element>.stride,
          count * MemoryLayout<Element>.stride, destination.baseAddress, 0, nil, $0)
      }
      initialized = status == CL_SUCCESS ? count : 0
    }
    try check(status, "Reading \(count) elements from the device")
    return elements
  }

  /// Sets `count` elements of `buffer` from element `offset` to `value`.
  package func fill<Element>(
    _ buffer: Buffer<Element>, with value: Element, at offset: Int = 0, count: Int? = nil
  ) throws(OpenCLError) {
    let count = count ?? buffer.count - offset
    try checkRange(offset, count, of: buffer, "Filling")
    guard count > 0 else { return }
    let stride = MemoryLayout<Element>.stride
    let status = withUnsafeBytes(of: value) {
      clEnqueueFillBuffer(
        handle.pointer, buffer.handle.pointer, $0.baseAddress, $0.count, offset * stride, count * stride, 0, nil, nil)
    }
    try check(status, "Filling \(count) elements on the device")
  }

  /// Copies `count` elements from `source` at `sourceOffset` to `destination` at `destinationOffset`, on the device.
  package func copy<Element>(
    _ source: Buffer<Element>, at sourceOffset: Int = 0, to destination: Buffer<Element>,
    at destinationOffset: Int = 0, count: Int
  ) throws(OpenCLError) {
    try checkRange(sourceOffset, count, of: source, "Copying from")
    try checkRange(destinationOffset, count, of: destination, "Copying to")
    guard count > 0 else { return }
    let stride = MemoryLayout<Element>.stride
    try check(
      clEnqueueCopyBuffer(
        handle.pointer, source.handle.pointer, destination.handle.pointer, sourceOffset * stride,
        destinationOffset * stride, count * stride, 0, nil, nil),
      "Copying \(count) elements on the device")
  }

  /// Sends what was enqueued to the device, without waiting.
  package func flush() throws(OpenCLError) { try check(clFlush(handle.pointer), "Flushing the command queue") }

  /// Waits until everything enqueued has run.
  package func finish() throws(OpenCLError) { try check(clFinish(handle.pointer), "Waiting for the device") }

  private func checkRange<Element>(
    _ offset: Int, _ count: Int, of buffer: Buffer<Element>, _ what: String
  ) throws(OpenCLError) {
    guard offset >= 0, count >= 0, offset <= buffer.count - count else {
      throw OpenCLError(
        status: CL_INVALID_VALUE,
        operation: "\(what) \(count) elements at \(offset) of a buffer of \(buffer.count)")
    }
  }
}
