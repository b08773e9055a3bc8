import COpenCL

/// OpenCL C and what it is compiled with: the identity of a program.
package struct ProgramSource: Sendable, Hashable {
  /// For messages: the file's name.
  package let name: String
  package let text: String
  /// Macro definitions, `NAME=VALUE`, in order.
  package let definitions: [String]

  package init(name: String, text: String, definitions: [String] = []) {
    self.name = name
    self.text = text
    self.definitions = definitions
  }

  /// OpenCL C 1.2 everywhere, since every device has it; no fast-math, so that answers do not depend on the compiler.
  var options: String { (["-cl-std=CL1.2"] + definitions.map { "-D \($0)" }).joined(separator: " ") }
}

/// A program built for one device.
@DeviceActor
package final class Program {
  package nonisolated let name: String
  let handle: Handle

  /// Compiles `source`.
  ///
  /// - Throws: `OpenCLError` with the compiler's log.
  init(compiling source: ProgramSource, in context: Context) throws(OpenCLError) {
    name = source.name
    var status: cl_int = 0
    let program = source.text.withCString { text in
      var pointer: UnsafePointer<CChar>? = text
      return clCreateProgramWithSource(context.handle.pointer, 1, &pointer, nil, &status)
    }
    try check(status, "Creating program \(source.name)")
    guard let program else { throw OpenCLError(operation: "clCreateProgramWithSource returned nothing") }
    handle = Handle(program) { clReleaseProgram($0) }
    try build(source, in: context)
  }

  /// Loads a binary that `binary(in:)` returned for the same source, device and driver.
  init(binary: [UInt8], of source: ProgramSource, in context: Context) throws(OpenCLError) {
    name = source.name
    var status: cl_int = 0
    var binaryStatus: cl_int = 0
    var id: cl_device_id? = context.device.id.pointer
    var size = binary.count
    let program = binary.withUnsafeBufferPointer { bytes in
      var pointer = bytes.baseAddress
      return clCreateProgramWithBinary(context.handle.pointer, 1, &id, &size, &pointer, &binaryStatus, &status)
    }
    try check(status, "Loading the cached program \(source.name)")
    try check(binaryStatus, "Loading the cached program \(source.name)")
    guard let program else { throw OpenCLError(operation: "clCreateProgramWithBinary returned nothing") }
    handle = Handle(program) { clReleaseProgram($0) }
    try build(source, in: context)
  }

  /// The device's binary, to be kept.
  func binary() throws(OpenCLError) -> [UInt8] {
    var size = 0
    try check(
      clGetProgramInfo(
        handle.pointer, cl_program_info(CL_PROGRAM_BINARY_SIZES), MemoryLayout<size_t>.size, &size, nil),
      "Reading the size of program \(name)")
    var status: cl_int = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { destination, initialized in
      var pointer = destination.baseAddress
      status = clGetProgramInfo(
        handle.pointer, cl_program_info(CL_PROGRAM_BINARIES), MemoryLayout<UnsafeMutablePointer<UInt8>?>.size, &pointer,
        nil)
      initialized = status == CL_SUCCESS ? size : 0
    }
    try check(status, "Reading the binary of program \(name)")
    return bytes
  }

  private func build(_ source: ProgramSource, in context: Context) throws(OpenCLError) {
    var id: cl_device_id? = context.device.id.pointer
    let status = clBuildProgram(handle.pointer, 1, &id, source.options, nil, nil)
    guard status != CL_SUCCESS else { return }
    throw OpenCLError(
      status: status, operation: "Compiling \(source.name) for \(context.device.name)",
      detail: "the compiler says:\n" + log(on: context.device))
  }

  private func log(on device: Device) -> String {
    let parameter = cl_program_build_info(CL_PROGRAM_BUILD_LOG)
    var size = 0
    guard clGetProgramBuildInfo(handle.pointer, device.id.pointer, parameter, 0, nil, &size) == CL_SUCCESS, size > 1
    else {
      return "(nothing)"
    }
    var bytes = [UInt8](repeating: 0, count: size)
    guard clGetProgramBuildInfo(handle.pointer, device.id.pointer, parameter, size, &bytes, nil) == CL_SUCCESS else {
      return "(nothing)"
    }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
