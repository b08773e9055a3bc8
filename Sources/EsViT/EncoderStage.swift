import OpenCL
import Operators

/// A stage: blocks over one map size, then, but for the last stage, the merging to half the side and twice the channels.
@DeviceActor
struct EncoderStage {
  /// Tokens a side of the map.
  let side: Int
  private let channels: Int
  private let blocks: [SwinBlock]
  private let merging: PatchMerging?

  init(
    _ stage: Int, side: Int, of weights: ModelWeights, _ architecture: Architecture, context: Context,
    precision: Precision, variants: Variants
  ) throws {
    self.side = side
    let channels = architecture.channels(stage: stage)
    self.channels = channels
    var blocks: [SwinBlock] = []
    for block in 0..<architecture.depths[stage] {
      let shape = WindowAttention.Shape(
        side: side, window: architecture.window(stage: stage),
        shift: architecture.shift(stage: stage, block: block), heads: architecture.heads[stage],
        headDimension: channels / architecture.heads[stage])
      blocks.append(
        try SwinBlock(
          context: context, shape: shape, weights: try weights.block("layers.\(stage).blocks.\(block).", shape),
          precision: precision, variants: variants))
    }
    self.blocks = blocks
    if stage < architecture.stages - 1 {
      let prefix = "layers.\(stage).downsample."
      merging = try PatchMerging(
        context: context, side: side, channels: channels,
        reduction: try weights.linear(
          prefix + "reduction", 4 * channels, 2 * channels, after: prefix + "norm", bias: false),
        precision: precision, variants: variants)
    } else {
      merging = nil
    }
  }

  /// Tokens a side of the map that the stage leaves.
  var nextSide: Int { merging?.mergedSide ?? side }

  /// Elements of `Activations.wide` that the stage needs for `images` maps: blocks of one kernel need none.
  func wideCount(images: Int) -> Int {
    let merged = merging?.mergedSide ?? 0
    let rows = blocks.allSatisfy { $0.variant != .portable } ? merged * merged : side * side
    return GEMM.paddedRows(images * rows) * Architecture.mlpRatio * channels
  }

  /// Enqueues the stage over `images` maps in `buffers.tokens`.
  func enqueue(_ buffers: Activations, images: Int) throws(OpenCLError) {
    for block in blocks {
      try block.enqueue(tokens: buffers.tokens, narrow: buffers.narrow, wide: buffers.wide, images: images)
    }
    try merging?.enqueue(tokens: buffers.tokens, scratch: buffers.wide, images: images)
  }
}
