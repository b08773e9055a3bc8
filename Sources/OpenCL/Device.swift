import COpenCL
import Foundation

/// One OpenCL device and what it reports of itself.
package struct Device: Sendable, CustomStringConvertible {
  /// What kind of processor it is.
  package enum Kind: String, Sendable, Codable { case gpu, cpu, other }

  /// Its place in the list that `all()` returns, which `--device INDEX` names.
  package let index: Int
  package let platformName: String
  package let name: String
  package let vendor: String
  package let kind: Kind
  /// The OpenCL version that the device states, such as `OpenCL 3.0 PoCL …`.
  package let version: String
  package let driverVersion: String
  package let extensions: Set<String>
  package let computeUnits: Int
  /// Bytes.
  package let globalMemory: Int
  /// Bytes a work-group may share.
  package let localMemory: Int
  /// Bytes one buffer may hold.
  package let maximumAllocation: Int
  /// Work-items a work-group may have, over all dimensions.
  package let maximumWorkGroupSize: Int
  /// Bytes; the required alignment of a sub-buffer's offset.
  package let baseAddressAlignment: Int
  let id: DeviceID

  package var description: String { "\(name) (\(platformName))" }
  package var supportsHalf: Bool { extensions.contains("cl_khr_fp16") }
  package var supportsDouble: Bool { extensions.contains("cl_khr_fp64") }
  package var isPoCL: Bool { platformName == "Portable Computing Language" }

  /// Every device of every platform, in the loader's order. Empty where no driver is installed.
  ///
  /// - Throws: `OpenCLError` where no driver at all answers, or `Drivers.prepare` does.
  package static func all() throws(OpenCLError) -> [Device] { try inventory().devices }

  /// The devices, and what the drivers failed at that have none to show or would not tell of one.
  ///
  /// A driver whose hardware is absent may report any error: it does not hide the other drivers' devices.
  ///
  /// They are asked once a process, by one thread: PoCL crashes where two threads start it together (seen with 3.1).
  package static func inventory() throws(OpenCLError) -> (devices: [Device], failures: [OpenCLError]) {
    try known.get()
  }

  private static let known = Result<(devices: [Device], failures: [OpenCLError]), OpenCLError> {
    () throws(OpenCLError) in
    _ = try Drivers.prepare()
    return try Drivers.keepingSignalHandlers { () throws(OpenCLError) in
      var failures: [OpenCLError] = []
      var devices: [Device] = []
      for platform in try platforms() {
        do throws(OpenCLError) {
          let name = try string { clGetPlatformInfo(platform, cl_platform_info(CL_PLATFORM_NAME), $0, $1, $2) }
          for id in try identifiers(platform, name) {
            do throws(OpenCLError) {
              devices.append(try Device(id: id, platformName: name, index: devices.count))
            } catch {
              failures.append(error)
            }
          }
        } catch {
          failures.append(error)
        }
      }
      return (devices, failures)
    }
  }

  private static func platforms() throws(OpenCLError) -> [cl_platform_id] {
    var count: cl_uint = 0
    let status = clGetPlatformIDs(0, nil, &count)
    if status == OpenCLError.noPlatform || count == 0 { return [] }
    try check(status, "Listing the OpenCL platforms")
    var platforms = [cl_platform_id?](repeating: nil, count: Int(count))
    try check(clGetPlatformIDs(count, &platforms, nil), "Listing the OpenCL platforms")
    return platforms.compactMap { $0 }
  }

  private static func identifiers(
    _ platform: cl_platform_id, _ name: String
  ) throws(OpenCLError) -> [cl_device_id] {
    var count: cl_uint = 0
    let all = cl_device_type(CL_DEVICE_TYPE_ALL)
    let status = clGetDeviceIDs(platform, all, 0, nil, &count)
    if status == CL_DEVICE_NOT_FOUND || status == CL_SUCCESS && count == 0 { return [] }
    try check(status, "Listing the devices of platform \(name)")
    var ids = [cl_device_id?](repeating: nil, count: Int(count))
    try check(clGetDeviceIDs(platform, all, count, &ids, nil), "Listing the devices of platform \(name)")
    return ids.compactMap { $0 }
  }

  /// The device that `selector` names: `auto` (a GPU, else a CPU), `gpu`, `cpu`, an index or a part of a name.
  ///
  /// - Throws: `OpenCLError` that lists what there is, or names the package to install.
  package static func select(_ selector: String) throws(OpenCLError) -> Device {
    let (devices, failures) = try inventory()
    guard !devices.isEmpty else { throw failures.first ?? .noDevice }
    guard let place = index(of: selector, among: devices.map { ($0.kind, $0.description) }) else {
      let list = devices.map { "\($0.index): \($0)" }.joined(separator: "; ")
      throw OpenCLError(
        operation: "No OpenCL device matches \"\(selector)\"", detail: "choose by index or name: \(list)")
    }
    return devices[place]
  }

  /// The place of what `selector` names among devices of these kinds and names.
  static func index(of selector: String, among devices: [(kind: Kind, name: String)]) -> Int? {
    switch selector.lowercased() {
    case "auto":
      devices.firstIndex { $0.kind == .gpu } ?? devices.firstIndex { $0.kind == .cpu } ?? devices.indices.first
    case "gpu": devices.firstIndex { $0.kind == .gpu }
    case "cpu": devices.firstIndex { $0.kind == .cpu }
    case "": nil
    case let text:
      Int(text).flatMap { devices.indices.contains($0) ? $0 : nil }
        ?? devices.firstIndex { $0.name.lowercased().contains(text) }
    }
  }

  private init(id: cl_device_id, platformName: String, index: Int) throws(OpenCLError) {
    func text(_ parameter: Int32) throws(OpenCLError) -> String {
      try string { clGetDeviceInfo(id, cl_device_info(parameter), $0, $1, $2) }
    }
    func value<T: FixedWidthInteger>(_ parameter: Int32, _: T.Type) throws(OpenCLError) -> T {
      var value: T = 0
      try check(
        clGetDeviceInfo(id, cl_device_info(parameter), MemoryLayout<T>.size, &value, nil),
        "clGetDeviceInfo(\(parameter))")
      return value
    }
    self.index = index
    self.platformName = platformName
    self.id = DeviceID(pointer: id)
    name = try text(CL_DEVICE_NAME).trimmingCharacters(in: .whitespaces)
    vendor = try text(CL_DEVICE_VENDOR)
    version = try text(CL_DEVICE_VERSION)
    driverVersion = try text(CL_DRIVER_VERSION)
    extensions = Set(try text(CL_DEVICE_EXTENSIONS).split(separator: " ").map(String.init))
    let type = try value(CL_DEVICE_TYPE, cl_device_type.self)
    if type & cl_device_type(CL_DEVICE_TYPE_GPU) != 0 {
      kind = .gpu
    } else if type & cl_device_type(CL_DEVICE_TYPE_CPU) != 0 {
      kind = .cpu
    } else {
      kind = .other
    }
    computeUnits = Int(try value(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint.self))
    globalMemory = Int(clamping: try value(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong.self))
    localMemory = Int(clamping: try value(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong.self))
    maximumAllocation = Int(clamping: try value(CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong.self))
    maximumWorkGroupSize = Int(try value(CL_DEVICE_MAX_WORK_GROUP_SIZE, size_t.self))
    baseAddressAlignment = max(1, Int(try value(CL_DEVICE_MEM_BASE_ADDR_ALIGN, cl_uint.self)) / 8)
    for (parameter, lack) in [
      (CL_DEVICE_AVAILABLE, "is not available"), (CL_DEVICE_COMPILER_AVAILABLE, "has no compiler"),
      (CL_DEVICE_ENDIAN_LITTLE, "is big-endian"),
    ] where try value(parameter, cl_bool.self) == cl_bool(CL_FALSE) {
      throw OpenCLError(operation: "Device \(name) of \(platformName) is left out", detail: "it \(lack)")
    }
    guard Self.isSufficient(version: version) else {
      throw OpenCLError(
        operation: "Device \(name) of \(platformName) is left out", detail: "it has \(version), and 1.2 is needed")
    }
  }

  /// Whether a device's version, `OpenCL <major>.<minor> …`, is at least 1.2.
  static func isSufficient(version: String) -> Bool {
    let words = version.split(separator: " ")
    guard words.count >= 2, words[0] == "OpenCL" else { return false }
    let numbers = words[1].split(separator: ".").map { Int($0) ?? 0 }
    guard numbers.count >= 2 else { return false }
    return (numbers[0], numbers[1]) >= (1, 2)
  }
}

/// A root device's identifier. `@unchecked Sendable`: such identifiers are constants of the process, never released.
struct DeviceID: @unchecked Sendable {
  let pointer: cl_device_id
}

/// Reads a string by one of the `clGet…Info` functions: first its size, then its bytes.
private func string(
  _ get: (size_t, UnsafeMutableRawPointer?, UnsafeMutablePointer<size_t>?) -> cl_int
) throws(OpenCLError) -> String {
  var size = 0
  try check(get(0, nil, &size), "reading the size of a device's or platform's property")
  var bytes = [UInt8](repeating: 0, count: size)
  try check(get(size, &bytes, nil), "reading a device's or platform's property")
  return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}
