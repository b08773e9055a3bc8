import Kernels
import OpenCL

/// A block as one kernel of a CPU, a few windows a work-group (`swin_block.cpu.cl`).
@DeviceActor
struct FusedBlock {
  /// How the kernel cuts a shape.
  struct Plan: Hashable {
    /// Rows and vectors of 16 outputs of a tile.
    let rows: Int
    let vectors: Int
    /// Windows of a work-group.
    let group: Int

    /// Nil where the kernel has no form for the shape, or would leave compute units idle: the chain's layers then
    /// spread over all of them. It depends on nothing that changes from batch to batch, so that answers do not.
    init?(
      shape: WindowAttention.Shape, hidden: Int, localMemory: Int, computeUnits: Int, vectorBits: Int
    ) {
      let candidates = vectorBits >= 512 ? [3, 2, 1] : [1]
      guard
        [16, 32, 48, 64].contains(shape.headDimension), hidden == 4 * shape.channels,
        let vectors = candidates.first(where: {
          shape.channels.isMultiple(of: 16 * $0) && (3 * shape.headDimension).isMultiple(of: 16 * $0)
        })
      else { return nil }
      let rows = vectorBits >= 512 ? 7 : 6
      let windows = (shape.side + shape.window - 1) / shape.window
      // Two windows share a panel of weights on its way from memory, where that leaves no core idle.
      let group = [2, 1].first { group in
        let count = windows * windows / group
        let turns = (count + computeUnits - 1) / computeUnits
        return (windows * windows).isMultiple(of: group) && 10 * count >= 9 * turns * computeUnits
          && Self.localBytes(shape, rows: rows, group: group) <= localMemory
      }
      guard let group else { return nil }
      self.rows = rows
      self.vectors = vectors
      self.group = group
    }

    private static func localBytes(_ shape: WindowAttention.Shape, rows: Int, group: Int) -> Int {
      let tokens = shape.window * shape.window
      let columns = (tokens + 31) / 32 * 32
      let padded = (group * tokens + rows - 1) / rows * rows
      let perRow = 3 * shape.channels + 3 * shape.headDimension
      return 4 * (padded * perRow + (shape.headDimension + 7 + group) * columns + group * (tokens + 1))
    }
  }

  private let queue: CommandQueue
  private let kernel: Kernel
  private let tokensPerImage: Int
  private let channels: Int
  /// Work-groups an image.
  private let groups: Int

  /// - Parameters:
  ///   - weights: with scaled queries.
  ///   - paddingToken: `[3·channels]`
  init(
    context: Context, shape: WindowAttention.Shape, plan: Plan, weights: SwinBlock.Weights, paddingToken: [Float]
  ) throws(OpenCLError) {
    queue = try context.queue
    channels = shape.channels
    tokensPerImage = shape.side * shape.side
    let windows = (shape.side + shape.window - 1) / shape.window
    groups = windows * windows / plan.group
    kernel = try context.kernel(
      "swin_block",
      KernelFile.swinBlockCPU.source(
        [
          "WINDOW=\(shape.window)", "HEAD_DIM=\(shape.headDimension)", "CHANNELS=\(shape.channels)",
          "ROWS=\(plan.rows)", "VECTORS=\(plan.vectors)", "GROUP=\(plan.group)",
        ], prelude: .vector16, .window, .tile))

    // Head by head: query, key, value.
    let order = (0..<shape.heads).flatMap { head in
      (0..<3).flatMap { part in
        (0..<shape.headDimension).map { part * shape.channels + head * shape.headDimension + $0 }
      }
    }
    let width = 16 * plan.vectors
    let layers = [weights.qkv.reordered(order), weights.projection, weights.expansion, weights.contraction]
    let packed = try layers.map { layer throws(OpenCLError) in
      try PackedWeights(layer, width: width, in: context)
    }
    try kernel.setArguments(
      from: 1, packed[0].panels, packed[0].bias, try context.makeBuffer(order.map { paddingToken[$0] }),
      try WindowAttention.expandedBias(shape, table: weights.table, in: context))
    try kernel.setArguments(
      from: 5, packed[1].panels, packed[1].bias, packed[2].panels, packed[2].bias, packed[3].panels, packed[3].bias)
    try kernel.setArguments(from: 11, Int32(shape.side), Int32(shape.shift), LayerNorm.epsilon)
  }

  func enqueue(tokens: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard tokens.count >= images * tokensPerImage * channels else {
      throw OpenCLError(operation: "Swin block over \(images) maps", detail: "the buffer is smaller")
    }
    try kernel.setArguments(tokens)
    try queue.enqueue(kernel, global: [images * groups], local: [1])
  }
}
