import COpenCL

/// What an OpenCL call refused, where, and what to do about it.
package struct OpenCLError: Error, CustomStringConvertible, Sendable {
  /// The API's status, negative; 0 where the failure is ours (no device, a bad selector, a cache directory).
  package let status: Int32
  /// The call or the step that failed, with the object's name.
  package let operation: String
  /// The compiler's log, or what to do about it.
  package let detail: String?

  package init(status: Int32 = 0, operation: String, detail: String? = nil) {
    self.status = status
    self.operation = operation
    self.detail = detail
  }

  /// No driver, or none that knows a device.
  package static let noDevice = OpenCLError(
    operation: "No OpenCL device found",
    detail: "install a driver: `apt install pocl-opencl-icd` for the CPU, or the GPU vendor's OpenCL package "
      + "(NVIDIA: nvidia-opencl-icd, AMD: mesa-opencl-icd or rocm-opencl, Intel: intel-opencl-icd)")

  package var description: String {
    var text = operation
    if status != 0 { text += " failed: \(Self.name(of: status)) (\(status))" }
    if let detail { text += (status != 0 ? ". " : ": ") + detail }
    return text
  }

  /// True where the device or its driver is gone or out of resources, as opposed to a wrong call.
  package var isDeviceLoss: Bool {
    [CL_DEVICE_NOT_AVAILABLE, CL_OUT_OF_RESOURCES, CL_OUT_OF_HOST_MEMORY, CL_MEM_OBJECT_ALLOCATION_FAILURE].contains(
      status)
      || status == -9999  // NVIDIA: an illegal access killed the context
  }

  /// The loader found no driver (`CL_PLATFORM_NOT_FOUND_KHR` of `cl_khr_icd`).
  static let noPlatform: Int32 = -1001

  static func name(of status: Int32) -> String { names[status] ?? "unknown status" }

  private static let names: [Int32: String] = [
    CL_DEVICE_NOT_FOUND: "device not found",
    CL_DEVICE_NOT_AVAILABLE: "device not available",
    CL_COMPILER_NOT_AVAILABLE: "compiler not available",
    CL_MEM_OBJECT_ALLOCATION_FAILURE: "out of device memory",
    CL_OUT_OF_RESOURCES: "out of device resources",
    CL_OUT_OF_HOST_MEMORY: "out of host memory",
    CL_PROFILING_INFO_NOT_AVAILABLE: "profiling information not available",
    CL_MEM_COPY_OVERLAP: "copied regions overlap",
    CL_BUILD_PROGRAM_FAILURE: "program build failure",
    CL_MAP_FAILURE: "map failure",
    CL_MISALIGNED_SUB_BUFFER_OFFSET: "misaligned sub-buffer offset",
    CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: "a command waited for has failed",
    CL_COMPILE_PROGRAM_FAILURE: "program compile failure",
    CL_LINK_PROGRAM_FAILURE: "program link failure",
    CL_INVALID_VALUE: "invalid value",
    CL_INVALID_DEVICE_TYPE: "invalid device type",
    CL_INVALID_PLATFORM: "invalid platform",
    CL_INVALID_DEVICE: "invalid device",
    CL_INVALID_CONTEXT: "invalid context",
    CL_INVALID_QUEUE_PROPERTIES: "invalid queue properties",
    CL_INVALID_COMMAND_QUEUE: "invalid command queue",
    CL_INVALID_HOST_PTR: "invalid host pointer",
    CL_INVALID_MEM_OBJECT: "invalid memory object",
    CL_INVALID_BINARY: "invalid binary",
    CL_INVALID_BUILD_OPTIONS: "invalid build options",
    CL_INVALID_PROGRAM: "invalid program",
    CL_INVALID_PROGRAM_EXECUTABLE: "invalid program executable",
    CL_INVALID_KERNEL_NAME: "no kernel of that name",
    CL_INVALID_KERNEL_DEFINITION: "invalid kernel definition",
    CL_INVALID_KERNEL: "invalid kernel",
    CL_INVALID_ARG_INDEX: "invalid argument index",
    CL_INVALID_ARG_VALUE: "invalid argument value",
    CL_INVALID_ARG_SIZE: "invalid argument size",
    CL_INVALID_KERNEL_ARGS: "kernel arguments not all set",
    CL_INVALID_WORK_DIMENSION: "invalid work dimension",
    CL_INVALID_WORK_GROUP_SIZE: "invalid work-group size",
    CL_INVALID_WORK_ITEM_SIZE: "invalid work-item size",
    CL_INVALID_GLOBAL_OFFSET: "invalid global offset",
    CL_INVALID_EVENT_WAIT_LIST: "invalid event wait list",
    CL_INVALID_EVENT: "invalid event",
    CL_INVALID_OPERATION: "invalid operation",
    CL_INVALID_BUFFER_SIZE: "invalid buffer size",
    CL_INVALID_GLOBAL_WORK_SIZE: "invalid global work size",
    noPlatform: "no OpenCL platform found",
  ]
}

/// Throws unless `status` is `CL_SUCCESS`; `operation` is evaluated only then.
func check(_ status: Int32, _ operation: @autoclosure () -> String) throws(OpenCLError) {
  if status != CL_SUCCESS { throw OpenCLError(status: status, operation: operation()) }
}
