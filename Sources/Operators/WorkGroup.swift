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

/// A kernel over independent work-items, in groups of one size: compiled once, for any number of them.
@DeviceActor
struct FlatKernel {
  let kernel: Kernel
  let group: Int
  private let queue: CommandQueue

  /// Work-items in a row of the grid: PoCL compiles a kernel a second time, in the middle of a request, for grids of
  /// 65,536 and more a side. A work-item's number is `get_global_id(1) * get_global_size(0) + get_global_id(0)`.
  private static let width = 1 << 15

  /// - Parameter limit: a lower limit than the device's own, for tests.
  init(_ name: String, of source: ProgramSource, limit: Int? = nil, in context: Context) throws(OpenCLError) {
    kernel = try context.kernel(name, source)
    queue = try context.queue
    let most = min(
      context.device.maximumWorkGroupSize, try kernel.maximumWorkGroupSize(on: context.device), limit ?? .max)
    group = WorkGroup.powersOfTwo(from: 64).first { $0 <= most } ?? 1
  }

  /// Enqueues `items` work-items; the kernel's last argument, `index`, is their number, since groups fill up.
  func enqueue(items: Int, countArgument index: Int) throws(OpenCLError) {
    guard items > 0 else { return }
    try kernel.setArguments(from: index, UInt64(items))
    let rows = (items + Self.width - 1) / Self.width
    let width = rows > 1 ? Self.width : (items + group - 1) / group * group
    try queue.enqueue(kernel, global: [width, rows], local: [group, 1])
  }
}

extension KernelFile {
  /// - Parameter prelude: files that go in front.
  func source(_ definitions: [String] = [], prelude: KernelFile...) -> ProgramSource {
    source(definitions, preludes: prelude)
  }

  func source(_ definitions: [String], preludes: [KernelFile]) -> ProgramSource {
    let whole = (preludes + [self]).map { "#line 1 \"\($0.name)\"\n\($0.text)" }.joined()
    return ProgramSource(name: name, text: whole, definitions: definitions)
  }
}
