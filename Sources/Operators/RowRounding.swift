import Kernels
import OpenCL

/// Rounds rows in place to the values that a precision has, so that a layer of that precision runs by the f32 kernels
/// on any device (`round.cl`).
@DeviceActor
struct RowRounding {
  private let flat: FlatKernel
  private let width: Int
  /// Groups of a row; nil where each value is rounded by itself.
  private let groups: Int?

  /// - Parameters:
  ///   - width: values a row.
  ///   - group: neighbouring values of a row that share a scale, for int8.
  init?(context: Context, precision: Precision, width: Int, group: Int) throws(OpenCLError) {
    self.width = width
    switch precision {
    case .f32: return nil
    case .bf16:
      flat = try FlatKernel("round_bf16", of: KernelFile.round.source(), in: context)
      groups = nil
    case .int8:
      flat = try FlatKernel("round_int8", of: KernelFile.round.source(), in: context)
      try flat.kernel.setArguments(from: 1, Int32(width), Int32(group))
      groups = (width + group - 1) / group
    }
  }

  /// Enqueues the first `count` rows of `rows`, `[count, width]`.
  func enqueue(_ rows: Buffer<Float>, count: Int) throws(OpenCLError) {
    try flat.kernel.setArguments(rows)
    if let groups {
      try flat.enqueue(items: count * groups, countArgument: 3)
    } else {
      try flat.enqueue(items: count * width, countArgument: 1)
    }
  }
}
