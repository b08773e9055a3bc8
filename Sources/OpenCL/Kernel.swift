import COpenCL

/// One kernel of a program. It remembers its arguments from launch to launch.
@DeviceActor
package final class Kernel {
  package nonisolated let name: String
  /// The name of the source it was compiled from.
  package nonisolated let file: String
  let handle: Handle
  /// Keeps alive the buffers that the arguments name.
  private var retained: [Int: Handle] = [:]

  package init(_ program: Program, _ name: String) throws(OpenCLError) {
    self.name = name
    file = program.name
    var status: cl_int = 0
    let kernel = clCreateKernel(program.handle.pointer, name, &status)
    try check(status, "Creating kernel \(name) of \(program.name)")
    guard let kernel else { throw OpenCLError(operation: "clCreateKernel returned nothing for \(name)") }
    handle = Handle(kernel) { clReleaseKernel($0) }
  }

  /// Sets arguments `from…`, in order.
  package func setArguments(from first: Int = 0, _ arguments: any KernelArgument...) throws(OpenCLError) {
    for (offset, argument) in arguments.enumerated() { try argument.set(at: first + offset, of: self) }
  }

  /// The largest work-group this kernel may have on `device`; a driver may allow less than the device's own limit.
  package func maximumWorkGroupSize(on device: Device) throws(OpenCLError) -> Int {
    var size = 0
    try check(
      clGetKernelWorkGroupInfo(
        handle.pointer, device.id.pointer, cl_kernel_work_group_info(CL_KERNEL_WORK_GROUP_SIZE),
        MemoryLayout<size_t>.size, &size, nil),
      "Reading the work-group limit of kernel \(name)")
    return size
  }

  fileprivate func set(_ bytes: UnsafeRawBufferPointer, at index: Int) throws(OpenCLError) {
    try check(
      clSetKernelArg(handle.pointer, cl_uint(index), bytes.count, bytes.baseAddress),
      "Setting argument \(index) of kernel \(name)")
  }

  fileprivate func set(memory: Handle, at index: Int) throws(OpenCLError) {
    var pointer: cl_mem? = memory.pointer
    try check(
      clSetKernelArg(handle.pointer, cl_uint(index), MemoryLayout<cl_mem?>.size, &pointer),
      "Setting argument \(index) of kernel \(name)")
    retained[index] = memory
  }

  fileprivate func set(localBytes: Int, at index: Int) throws(OpenCLError) {
    try check(
      clSetKernelArg(handle.pointer, cl_uint(index), localBytes, nil),
      "Setting \(localBytes) bytes of local memory as argument \(index) of kernel \(name)")
  }
}

/// What can be passed to a kernel: numbers, buffers and sizes of local memory.
@DeviceActor
package protocol KernelArgument {
  func set(at index: Int, of kernel: Kernel) throws(OpenCLError)
}

/// Local memory that a kernel takes as a pointer argument.
package struct LocalMemory: KernelArgument, Sendable {
  package let bytes: Int
  package nonisolated init(bytes: Int) { self.bytes = bytes }
  package func set(at index: Int, of kernel: Kernel) throws(OpenCLError) {
    try kernel.set(localBytes: bytes, at: index)
  }
}

extension Buffer: KernelArgument {
  package func set(at index: Int, of kernel: Kernel) throws(OpenCLError) { try kernel.set(memory: handle, at: index) }
}

extension KernelArgument where Self: BitwiseCopyable {
  package func set(at index: Int, of kernel: Kernel) throws(OpenCLError) {
    let result = withUnsafeBytes(of: self) { bytes -> Result<Void, OpenCLError> in
      do throws(OpenCLError) {
        return .success(try kernel.set(bytes, at: index))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

extension Int32: KernelArgument {}
extension UInt32: KernelArgument {}
extension Int64: KernelArgument {}
extension UInt64: KernelArgument {}
extension Float: KernelArgument {}
extension Double: KernelArgument {}
