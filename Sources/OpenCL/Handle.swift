import COpenCL

/// One reference to an OpenCL object, released exactly once, when the last Swift reference goes.
///
/// `@unchecked Sendable`: the pointer never changes, and OpenCL's retain and release calls may be made from any thread
/// (OpenCL 3.0, appendix A.2: all calls are thread-safe but `clSetKernelArg` on one kernel object).
final class Handle: @unchecked Sendable {
  let pointer: OpaquePointer
  private let release: @Sendable (OpaquePointer) -> Void

  /// Takes over the reference that a `clCreate…` call returned.
  init(_ pointer: OpaquePointer, release: @escaping @Sendable (OpaquePointer) -> Void) {
    self.pointer = pointer
    self.release = release
  }

  deinit { release(pointer) }
}
