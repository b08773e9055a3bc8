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
  /// - Throws: `OpenCLError` where a driver fails to answer, or `Drivers.prepare` does.
  package static func all() throws(OpenCLError) -> [Device] {
    _ = try Drivers.prepare()
    return try Drivers.keepingSignalHandlers { () throws(OpenCLError) in try list() }
  }

  private static func list() throws(OpenCLError) -> [Device] {
    var platformCount: cl_uint = 0
    let status = clGetPlatformIDs(0, nil, &platformCount)
    if status == -1001 || platformCount == 0 { return [] }
    try check(status, "clGetPlatformIDs")
    var platforms = [cl_platform_id?](repeating: nil, count: Int(platformCount))
    try check(clGetPlatformIDs(platformCount, &platforms, nil), "clGetPlatformIDs")

    var devices: [Device] = []
    for case let platform? in platforms {
      let platformName = try string { clGetPlatformInfo(platform, cl_platform_info(CL_PLATFORM_NAME), $0, $1, $2) }
      var count: cl_uint = 0
      let status = clGetDeviceIDs(platform, cl_device_type(CL_DEVICE_TYPE_ALL), 0, nil, &count)
      if status == CL_DEVICE_NOT_FOUND || count == 0 { continue }
      try check(status, "clGetDeviceIDs on platform \(platformName)")
      var ids = [cl_device_id?](repeating: nil, count: Int(count))
      try check(
        clGetDeviceIDs(platform, cl_device_type(CL_DEVICE_TYPE_ALL), count, &ids, nil),
        "clGetDeviceIDs on platform \(platformName)")
      for case let id? in ids {
        devices.append(try Device(id: id, platformName: platformName, index: devices.count))
      }
    }
    return devices
  }

  /// The device that `selector` names: `auto` (a GPU, else a CPU), `gpu`, `cpu`, an index or a part of a name.
  ///
  /// - Throws: `OpenCLError` that lists what there is, or names the package to install.
  package static func select(_ selector: String) throws(OpenCLError) -> Device {
    let devices = try all()
    guard !devices.isEmpty else {
      throw OpenCLError(
        operation: "No OpenCL device found",
        detail: "install a driver: `apt install pocl-opencl-icd` for the CPU, or the GPU vendor's OpenCL package "
          + "(NVIDIA: nvidia-opencl-icd, AMD: mesa-opencl-icd or rocm-opencl, Intel: intel-opencl-icd)")
    }
    let found: Device?
    switch selector.lowercased() {
    case "auto": found = devices.first { $0.kind == .gpu } ?? devices.first { $0.kind == .cpu } ?? devices.first
    case "gpu": found = devices.first { $0.kind == .gpu }
    case "cpu": found = devices.first { $0.kind == .cpu }
    case let text:
      if let index = Int(text) {
        found = devices.first { $0.index == index }
      } else {
        found = devices.first { $0.name.lowercased().contains(text) || $0.platformName.lowercased().contains(text) }
      }
    }
    guard let found else {
      let list = devices.map { "\($0.index): \($0)" }.joined(separator: "; ")
      throw OpenCLError(operation: "No OpenCL device matches \"\(selector)\"", detail: "there are \(list)")
    }
    return found
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
