import Kernels
import OpenCL

/// Work-group sizes for kernels that are compiled for one: the largest that device and driver allow.
@DeviceActor
enum WorkGroup {
  /// The kernel `name` of `file`, compiled with `-D T=` the largest of `sizes` whose group the device accepts.
  ///
  /// - Parameters:
  ///   - sizes: values of T, falling, down to 1.
  ///   - items: work-items in a group of size T.
  ///   - limit: a lower limit than the device's own, for tests.
  static func kernel(
    _ name: String, of file: KernelFile, definitions: [String] = [], sizes: [Int], items: (Int) -> Int,
    limit: Int?, in context: Context
  ) throws(OpenCLError) -> (kernel: Kernel, size: Int) {
    let most = min(context.device.maximumWorkGroupSize, limit ?? .max)
    for size in sizes where items(size) <= most {
      let kernel = try context.kernel(name, file.source(definitions + ["T=\(size)"]))
      // A driver may allow one kernel less than the device, by the registers it needs.
      if try kernel.maximumWorkGroupSize(on: context.device) >= items(size) { return (kernel, size) }
    }
    throw OpenCLError(
      operation: "Kernel \(name) of \(file.name) fits no work-group of \(context.device)",
      detail: "the device allows \(most) work-items")
  }

  /// The powers of two from `largest` down to 1.
  static func powersOfTwo(from largest: Int) -> [Int] {
    sequence(first: largest) { $0 > 1 ? $0 / 2 : nil }.map { $0 }
  }
}

extension KernelFile {
  func source(_ definitions: [String] = []) -> ProgramSource {
    ProgramSource(name: name, text: text, definitions: definitions)
  }
}
