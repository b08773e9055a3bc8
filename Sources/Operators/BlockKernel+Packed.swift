import Kernels
import OpenCL

/// The block over operands of low precision, a window a work-group (`swin_block.packed.cpu.cl`).
extension BlockKernel {
  /// - Parameters:
  ///   - weights: with scaled queries.
  ///   - paddingToken: `[3·channels]`
  ///   - assembly: whether device and processor know the instructions; without it the kernel is slow.
  /// - Returns: nil where the kernel has no form for the shape, or would leave compute units idle, and for f32.
  init?(
    packed weights: SwinBlock.Weights, precision: Precision, shape: WindowAttention.Shape, paddingToken: [Float],
    computeUnits: Int, assembly: Bool, in context: Context
  ) throws(OpenCLError) {
    let c = shape.channels
    // The hidden layer's groups are what a tile makes, here and in the chain.
    let panel = GEMM.outputGroup(4 * c)
    guard precision != .f32, WindowAttention.headDimensions.contains(shape.headDimension),
      weights.expansion.outputs == 4 * c, c.isMultiple(of: panel), (3 * shape.headDimension).isMultiple(of: panel),
      Self.isBusy(groups: shape.windows, computeUnits: computeUnits),
      Self.localBytes(shape, precision, panel: panel) <= context.device.localMemory
    else { return nil }
    let format = precision == .bf16 ? "BF16" : "INT8"
    try self.init(
      KernelFile.swinBlockPackedCPU.source(
        [
          "WINDOW=\(shape.window)", "HEAD_DIM=\(shape.headDimension)", "CHANNELS=\(c)", "VECTORS=\(panel / 16)", format,
          "OPERAND_\(format)",
        ] + (assembly ? ["ASSEMBLY"] : []), prelude: .vector16, .window, .swinBlock, .tileShape, .packedTile),
      shape: shape, group: 1, in: context)

    let order = shape.headByHead
    try kernel.setArguments(
      from: 1, try WindowAttention.expandedBias(shape, table: weights.table, in: context),
      try context.makeBuffer(order.map { paddingToken[$0] }))
    let layers = [
      (weights.qkv.reordered(order), c), (weights.projection, shape.headDimension), (weights.expansion, c),
      (weights.contraction, panel),
    ]
    for (index, (layer, group)) in layers.enumerated() {
      guard let packed = try PackedWords(layer, precision: precision, width: panel, group: group, in: context) else {
        return nil
      }
      try kernel.setArguments(from: 3 + 4 * index, packed.panels, packed.corrections, packed.steps, packed.bias)
    }
    try kernel.setArguments(from: 19, Int32(shape.side), Int32(shape.shift), LayerNorm.epsilon)
  }

  private static func localBytes(_ shape: WindowAttention.Shape, _ precision: Precision, panel: Int) -> Int {
    let tokens = shape.window * shape.window
    let padded = (tokens + 6) / 7 * 7
    let operand = precision == .bf16 ? 2 : 1
    let values = (4 + 6 * operand) * shape.channels + 12 * shape.headDimension
    let steps = 4 * (1 + shape.heads + 4 * shape.channels / panel)
    let columns = WindowAttention.columns(shape)
    return padded * (values + steps) + 4 * ((shape.headDimension + 7 + 1) * columns + tokens)
  }
}
