import Kernels
import OpenCL

/// Multi-head self-attention within the windows of a square map (Swin, arXiv 2103.14030, section 3.2), without its two
/// projections: from queries, keys and values to the heads side by side.
@DeviceActor
package final class WindowAttention {
  /// The map and its windows.
  package struct Shape: Sendable, Hashable, CustomStringConvertible {
    /// Tokens a side of the map.
    package let side: Int
    /// Tokens a side of a window. The map is padded with zero tokens to a multiple of it.
    package let window: Int
    /// Tokens by which the map is rolled towards the origin; 0 for none.
    package let shift: Int
    package let heads: Int
    package let headDimension: Int
    package var channels: Int { heads * headDimension }
    /// Windows of the padded map.
    var windows: Int {
      let row = (side + window - 1) / window
      return row * row
    }
    package var description: String {
      "\(side)², window \(window), shift \(shift), heads \(heads)×\(headDimension)"
    }

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
  private let queue: CommandQueue
  private let format: OperandFormat
  private let kernel: Run

  private enum Run {
    case portable(FlatKernel)
    case cpu(Kernel)
  }

  /// - Parameters:
  ///   - table: `[(2·window - 1)², heads]`, the relative position bias.
  ///   - paddingToken: `[3·channels]`: query, key and value of a padded token, whose input is zero: the projection's
  ///     own bias.
  ///   - output: what the rows' reader wants; other than f32 a CPU's variant writes only.
  ///   - variant: a CPU's takes head dimensions of 16, 32, 48 and 64, and windows that fit its local memory; others
  ///     run the portable kernel.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  package init(
    context: Context, shape: Shape, table: [Float], paddingToken: [Float], output: OperandFormat = .f32,
    variant: Variant, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    let positions = 2 * shape.window - 1
    guard
      shape.side > 0, shape.window > 0, 0..<shape.window ~= shape.shift, shape.heads > 0, shape.headDimension > 0,
      table.count == positions * positions * shape.heads, paddingToken.count == 3 * shape.channels
    else {
      throw OpenCLError(
        operation: "Window attention",
        detail: "\(table.count) biases and a padding token of \(paddingToken.count) do not fit \(shape)")
    }
    queue = try context.queue
    self.shape = shape
    self.variant = Self.holds(shape, on: context.device) ? variant : .portable
    format = output
    guard output == .f32 || self.variant == .cpu else {
      throw OpenCLError(operation: "Window attention", detail: "only a CPU's kernel writes \(output)")
    }
    let padding = try context.makeBuffer(paddingToken)
    switch self.variant {
    case .portable:
      let flat = try FlatKernel(
        "window_attention", of: KernelFile.attention.source(["HEAD_DIM=\(shape.headDimension)"]),
        limit: workGroupLimit, in: context)
      kernel = .portable(flat)
      try flat.kernel.setArguments(from: 1, padding, try context.makeBuffer(table))
      try flat.kernel.setArguments(
        from: 4, Int32(shape.side), Int32(shape.window), Int32(shape.shift), Int32(shape.heads))
    case .cpu, .packed:
      let source = Self.source(shape, try output.definitions(in: context))
      let attention = try context.kernel("window_attention", source)
      kernel = .cpu(attention)
      try attention.setArguments(from: 1, padding, try Self.expandedBias(shape, table: table, in: context))
      try attention.setArguments(from: 4, Int32(shape.side), Int32(shape.shift), Int32(shape.heads))
    }
  }

  private static func source(_ shape: Shape, _ definitions: [String] = []) -> ProgramSource {
    KernelFile.attentionCPU.source(
      ["WINDOW=\(shape.window)", "HEAD_DIM=\(shape.headDimension)"] + definitions, prelude: .vector16, .window)
  }

  /// The relative position bias of every pair of a window's tokens, as the CPU's kernels read it.
  ///
  /// - Parameter table: `[(2·window - 1)², heads]`
  static func expandedBias(_ shape: Shape, table: [Float], in context: Context) throws(OpenCLError) -> Buffer<Float> {
    let tokens = shape.window * shape.window
    let bias = try context.makeBuffer(Float.self, count: shape.heads * tokens * columns(shape))
    let expand = try context.kernel("expand_bias", source(shape))
    try expand.setArguments(try context.makeBuffer(table), bias, Int32(shape.heads))
    try context.queue.enqueue(expand, global: [tokens, shape.heads], local: [1, 1])
    try context.queue.finish()
    return bias
  }

  /// Whether the CPU's variant takes `shape`.
  package nonisolated static func holds(_ shape: Shape, on device: Device) -> Bool {
    headDimensions.contains(shape.headDimension) && localBytes(shape) <= device.localMemory
  }

  /// Those that `window.cl` has registers for.
  nonisolated static let headDimensions = [16, 32, 48, 64]

  /// Keys of a window, filled up to whole vectors (COLUMNS of `window.cl`).
  nonisolated static func columns(_ shape: Shape) -> Int { (shape.window * shape.window + 31) / 32 * 32 }

  /// Local memory of the CPU variant: queries, keys and values, transposed keys, seven rows of weights, regions and token
  /// numbers.
  private nonisolated static func localBytes(_ shape: Shape) -> Int {
    let tokens = shape.window * shape.window
    return 4 * ((shape.headDimension + 7 + 1) * columns(shape) + (3 * shape.headDimension + 1) * tokens)
  }

  /// Enqueues the attention of `images` maps, to rows in the format that `init` was told, a head a group.
  package func enqueue(input: Buffer<Float>, output: Operand, images: Int) throws(OpenCLError) {
    if case .int8 = format, case .cpu(let attention) = kernel {
      let groups = images * shape.side * shape.side * shape.heads
      try attention.setArguments(from: 7, try output.steps(groups, of: "Window attention of \(images) maps"))
    }
    try enqueue(input: input, output: output.values, images: images)
  }

  /// Enqueues the attention of `images` maps.
  ///
  /// - Parameters:
  ///   - input: `[images·side², 3·channels]`: queries, already scaled by `headDimension^-½`, keys and values.
  ///   - output: `[images·side², channels]`
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard images > 0 else { return }
    let tokens = images * shape.side * shape.side
    guard input.count >= tokens * 3 * shape.channels, output.count >= tokens * shape.channels else {
      throw OpenCLError(operation: "Window attention of \(images) maps", detail: "the buffers are smaller")
    }
    switch kernel {
    case .portable(let flat):
      try flat.kernel.setArguments(input)
      try flat.kernel.setArguments(from: 3, output)
      try flat.enqueue(items: tokens * shape.heads, countArgument: 8)
    case .cpu(let attention):
      try attention.setArguments(input)
      try attention.setArguments(from: 3, output)
      try queue.enqueue(attention, global: [shape.heads, shape.windows, images], local: [1, 1, 1])
    }
  }
}
