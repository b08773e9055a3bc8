import Kernels
import OpenCL

/// Multi-head self-attention within the windows of a square map (Swin, arXiv 2103.14030, section 3.2), without its two
/// projections: from queries, keys and values to the heads side by side.
@DeviceActor
package final class WindowAttention {
  /// The map and its windows.
  package struct Shape: Sendable, Hashable {
    /// Tokens a side of the map.
    package let side: Int
    /// Tokens a side of a window. The map is padded with zero tokens to a multiple of it.
    package let window: Int
    /// Tokens by which the map is rolled towards the origin; 0 for none.
    package let shift: Int
    package let heads: Int
    package let headDimension: Int
    package var channels: Int { heads * headDimension }

    package init(side: Int, window: Int, shift: Int, heads: Int, headDimension: Int) {
      self.side = side
      self.window = window
      self.shift = shift
      self.heads = heads
      self.headDimension = headDimension
    }
  }

  package nonisolated let shape: Shape
  package nonisolated let variant: Variant
  private let context: Context
  private let kernel: Kernel

  /// - Parameters:
  ///   - table: `[(2·window - 1)², heads]`, the relative position bias.
  ///   - paddingToken: `[3·channels]`: query, key and value of a padded token, whose input is zero: the projection's
  ///     own bias.
  ///   - inputStride: elements from one token's queries, keys and values to the next's; `3·channels` where nil.
  ///   - outputStride: `channels` where nil.
  package init(
    context: Context, shape: Shape, table: [Float], paddingToken: [Float], inputStride: Int? = nil,
    outputStride: Int? = nil, variant: Variant
  ) throws(OpenCLError) {
    let positions = 2 * shape.window - 1
    guard
      shape.side > 0, shape.window > 0, 0..<shape.window ~= shape.shift, shape.heads > 0, shape.headDimension > 0,
      table.count == positions * positions * shape.heads, paddingToken.count == 3 * shape.channels,
      inputStride ?? .max >= 3 * shape.channels, outputStride ?? .max >= shape.channels
    else {
      throw OpenCLError(
        operation: "Window attention",
        detail: "\(table.count) biases and a padding token of \(paddingToken.count) do not fit \(shape)")
    }
    self.context = context
    self.shape = shape
    self.variant = variant
    kernel = try context.kernel(
      "window_attention",
      KernelFile.attention.source([
        "SIDE=\(shape.side)", "WINDOW=\(shape.window)", "SHIFT=\(shape.shift)", "HEADS=\(shape.heads)",
        "HEAD_DIM=\(shape.headDimension)", "QKV_STRIDE=\(inputStride ?? 3 * shape.channels)",
        "OUT_STRIDE=\(outputStride ?? shape.channels)",
      ]))
    try kernel.setArguments(from: 1, try context.makeBuffer(paddingToken), try context.makeBuffer(table))
  }

  /// Enqueues the attention of `images` maps.
  ///
  /// - Parameters:
  ///   - input: `[images·side², inputStride]`: queries, already scaled by `headDimension^-½`, keys and values.
  ///   - output: `[images·side², outputStride]`
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard images > 0 else { return }
    try kernel.setArguments(input)
    try kernel.setArguments(from: 3, output)
    try context.queue.enqueue(kernel, global: [shape.heads, shape.side * shape.side, images])
  }
}
