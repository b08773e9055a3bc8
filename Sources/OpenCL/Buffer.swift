import COpenCL

/// `count` elements of device memory.
@DeviceActor
package final class Buffer<Element: BitwiseCopyable> {
  package nonisolated let count: Int
  package nonisolated var byteCount: Int { count * MemoryLayout<Element>.stride }
  let handle: Handle

  /// Allocates, with undefined contents. A count of 0 allocates one element, since OpenCL knows no empty buffer.
  ///
  /// - Throws: `OpenCLError` where the device refuses the size.
  package init(context: Context, count: Int) throws(OpenCLError) {
    guard count >= 0, count <= context.device.maximumAllocation / MemoryLayout<Element>.stride else {
      throw OpenCLError(
        status: CL_INVALID_BUFFER_SIZE, operation: "Allocating \(count) elements on \(context.device.name)",
        detail: "one buffer may hold \(context.device.maximumAllocation) bytes")
    }
    self.count = count
    let bytes = max(1, count) * MemoryLayout<Element>.stride
    var status: cl_int = 0
    let memory = clCreateBuffer(context.handle.pointer, cl_mem_flags(CL_MEM_READ_WRITE), bytes, nil, &status)
    try check(status, "Allocating \(bytes) bytes on \(context.device.name)")
    guard let memory else { throw OpenCLError(operation: "clCreateBuffer returned nothing") }
    handle = Handle(memory) { clReleaseMemObject($0) }
  }
}
