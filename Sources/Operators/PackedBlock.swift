import Kernels
import OpenCL

/// A block over operands of low precision as one kernel of a CPU, a window a work-group (`swin_block.packed.cpu.cl`).
@DeviceActor
struct PackedBlock {
  private let queue: CommandQueue
  private let kernel: Kernel
  private let tokensPerImage: Int
  private let channels: Int
  /// Work-groups an image.
  private let windows: Int

  /// - Parameters:
  ///   - weights: with scaled queries.
  ///   - paddingToken: `[3·channels]`
  ///   - assembly: whether device and processor know the instructions; without it the kernel is slow.
  /// - Returns: nil where the kernel has no form for the shape, or would leave compute units idle. It depends on nothing
  ///   that changes from batch to batch, so that answers do not.
  init?(
    context: Context, shape: WindowAttention.Shape, weights: SwinBlock.Weights, paddingToken: [Float],
    precision: Precision, computeUnits: Int, assembly: Bool
  ) throws(OpenCLError) {
    let c = shape.channels
    let side = (shape.side + shape.window - 1) / shape.window
    let turns = (side * side + computeUnits - 1) / computeUnits
    // The hidden layer's groups are what a tile makes, here and in the chain.
    let panel = GEMM.outputGroup(4 * c)
    guard precision != .f32, [16, 32, 48, 64].contains(shape.headDimension), weights.expansion.outputs == 4 * c,
      c.isMultiple(of: panel), (3 * shape.headDimension).isMultiple(of: panel),
      10 * side * side >= 9 * turns * computeUnits,
      Self.localBytes(shape, precision, panel: panel) <= context.device.localMemory
    else { return nil }
    queue = try context.queue
    channels = c
    tokensPerImage = shape.side * shape.side
    windows = side * side
    let format = precision == .bf16 ? "BF16" : "INT8"
    kernel = try context.kernel(
      "swin_block",
      KernelFile.swinBlockPackedCPU.source(
        [
          "WINDOW=\(shape.window)", "HEAD_DIM=\(shape.headDimension)", "CHANNELS=\(c)", "VECTORS=\(panel / 16)", format,
          "OPERAND_\(format)",
        ] + (assembly ? ["ASSEMBLY"] : []), prelude: .vector16, .window, .packedTile))

    // Head by head: query, key, value.
    let order = (0..<shape.heads).flatMap { head in
      (0..<3).flatMap { part in
        (0..<shape.headDimension).map { part * c + head * shape.headDimension + $0 }
      }
    }
    try kernel.setArguments(
      from: 1, try WindowAttention.expandedBias(shape, table: weights.table, in: context),
      try context.makeBuffer(order.map { paddingToken[$0] }))
    let layers = [
      (weights.qkv.reordered(order), c), (weights.projection, shape.headDimension), (weights.expansion, c),
      (weights.contraction, panel),
    ]
    for (index, (layer, group)) in layers.enumerated() {
      let packed =
        precision == .bf16
        ? try PackedWords(bf16: layer, width: panel, in: context)
        : try PackedWords(int8: layer, width: panel, group: group, in: context)
      try kernel.setArguments(from: 3 + 4 * index, packed.panels, packed.corrections, packed.steps, packed.bias)
    }
    try kernel.setArguments(from: 19, Int32(shape.side), Int32(shape.shift), LayerNorm.epsilon)
  }

  private static func localBytes(_ shape: WindowAttention.Shape, _ precision: Precision, panel: Int) -> Int {
    let tokens = shape.window * shape.window
    let columns = (tokens + 31) / 32 * 32
    let padded = (tokens + 6) / 7 * 7
    let operand = precision == .bf16 ? 2 : 1
    let values = (4 + 6 * operand) * shape.channels + 12 * shape.headDimension
    let steps = 4 * (1 + shape.heads + 4 * shape.channels / panel)
    return padded * (values + steps) + 4 * ((shape.headDimension + 7 + 1) * columns + tokens)
  }

  func enqueue(tokens: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard tokens.count >= images * tokensPerImage * channels else {
      throw OpenCLError(operation: "Swin block over \(images) maps", detail: "the buffer is smaller")
    }
    try kernel.setArguments(tokens)
    try queue.enqueue(kernel, global: [images * windows], local: [1])
  }
}
