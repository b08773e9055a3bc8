import COpenCL
import Logging

/// One reference to an OpenCL object, released exactly once, when the last Swift reference goes.
///
/// `@unchecked Sendable`: the pointer never changes, and OpenCL's retain and release calls may be made from any thread
/// (OpenCL 3.0, appendix A.2: all calls are thread-safe but `clSetKernelArg` on one kernel object).
final class Handle: @unchecked Sendable {
  let pointer: OpaquePointer
  private let release: @Sendable (OpaquePointer) -> cl_int

  /// Takes over the reference that a `clCreate…` call returned.
  init(_ pointer: OpaquePointer, release: @escaping @Sendable (OpaquePointer) -> cl_int) {
    self.pointer = pointer
    self.release = release
  }

  deinit {
    let status = release(pointer)
    // Nobody is left to throw to; the object is lost to the driver, which goes on.
    if status != CL_SUCCESS {
      Logger(label: "opencl").error("Releasing an object failed: \(OpenCLError.name(of: status)) (\(status))")
    }
  }
}
