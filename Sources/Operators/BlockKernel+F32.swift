import Kernels
import OpenCL

/// The block in f32 (`swin_block.cpu.cl`).
extension BlockKernel {
  /// How the kernel cuts a shape.
  private struct Plan {
    /// Rows and vectors of 16 outputs of a tile.
    let rows: Int
    let vectors: Int
    /// Windows of a work-group.
    let group: Int

    /// Nil where the kernel has no form for the shape, or would leave compute units idle.
    init?(
      shape: WindowAttention.Shape, hidden: Int, localMemory: Int, computeUnits: Int, vectorBits: Int
    ) {
      let candidates = vectorBits >= 512 ? [3, 2, 1] : [1]
      guard
        WindowAttention.headDimensions.contains(shape.headDimension), hidden == 4 * shape.channels,
        let vectors = candidates.first(where: {
          shape.channels.isMultiple(of: 16 * $0) && (3 * shape.headDimension).isMultiple(of: 16 * $0)
        })
      else { return nil }
      let rows = vectorBits >= 512 ? 7 : 6
      // Two windows share a panel of weights on its way from memory, where that leaves no core idle.
      let group = [2, 1].first { group in
        shape.windows.isMultiple(of: group)
          && isBusy(groups: shape.windows / group, computeUnits: computeUnits)
          && Self.localBytes(shape, rows: rows, group: group) <= localMemory
      }
      guard let group else { return nil }
      self.rows = rows
      self.vectors = vectors
      self.group = group
    }

    private static func localBytes(_ shape: WindowAttention.Shape, rows: Int, group: Int) -> Int {
      let tokens = shape.window * shape.window
      let padded = (group * tokens + rows - 1) / rows * rows
      let perRow = 3 * shape.channels + 3 * shape.headDimension
      let columns = WindowAttention.columns(shape)
      return 4 * (padded * perRow + (shape.headDimension + 7 + group) * columns + group * (tokens + 1))
    }
  }

  /// - Parameters:
  ///   - weights: with scaled queries.
  ///   - paddingToken: `[3·channels]`
  /// - Returns: nil where the kernel has no form for the shape, or would leave compute units idle.
  init?(
    f32 weights: SwinBlock.Weights, shape: WindowAttention.Shape, paddingToken: [Float], computeUnits: Int,
    vectorBits: Int, in context: Context
  ) throws(OpenCLError) {
    let plan = Plan(
      shape: shape, hidden: weights.expansion.outputs, localMemory: context.device.localMemory,
      computeUnits: computeUnits, vectorBits: vectorBits)
    guard let plan else { return nil }
    try self.init(
      KernelFile.swinBlockCPU.source(
        [
          "WINDOW=\(shape.window)", "HEAD_DIM=\(shape.headDimension)", "CHANNELS=\(shape.channels)",
          "ROWS=\(plan.rows)", "VECTORS=\(plan.vectors)", "GROUP=\(plan.group)",
        ], prelude: .vector16, .window, .swinBlock, .tileShape, .tile),
      shape: shape, group: plan.group, in: context)

    let order = shape.headByHead
    let layers = [weights.qkv.reordered(order), weights.projection, weights.expansion, weights.contraction]
    let packed = try layers.map { layer throws(OpenCLError) in
      try PackedWeights(layer, width: 16 * plan.vectors, in: context)
    }
    try kernel.setArguments(
      from: 1, packed[0].panels, packed[0].bias, try context.makeBuffer(order.map { paddingToken[$0] }),
      try WindowAttention.expandedBias(shape, table: weights.table, in: context))
    try kernel.setArguments(
      from: 5, packed[1].panels, packed[1].bias, packed[2].panels, packed[2].bias, packed[3].panels, packed[3].bias)
    try kernel.setArguments(from: 11, Int32(shape.side), Int32(shape.shift), LayerNorm.epsilon)
  }
}
