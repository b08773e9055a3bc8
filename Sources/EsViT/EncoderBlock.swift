import OpenCL
import Operators

/// One block of a stage: `x += proj(attention(qkv(norm(x))))`, `x += fc2(gelu(fc1(norm(x))))`.
///
/// Swin Transformer (arXiv 2103.14030), section 3.2 and figure 3. The LayerNorms only normalise: their scales and shifts
/// are in the weights behind them, and `head_dim^-½` is in the query's.
@DeviceActor
struct EncoderBlock {
  private let norm: LayerNorm
  private let qkv: GEMM
  private let attention: WindowAttention
  private let projection: GEMM
  private let expansion: GEMM
  private let contraction: GEMM

  /// - Parameters:
  ///   - prefix: of the block's tensors, `layers.S.blocks.B.`
  ///   - shape: the map, its windows and heads.
  init(
    _ prefix: String, of weights: ModelWeights, shape: WindowAttention.Shape, context: Context, precision: Precision,
    variants: Variants
  ) throws {
    let c = shape.channels
    let hidden = Architecture.mlpRatio * c
    // A layer reads what its producer can write.
    let canPack =
      c.isMultiple(of: 16) && variants[.layerNorm] == .cpu && variants[.windowAttention] == .cpu
      && WindowAttention.holds(shape, on: context.device)
    let fastest = variants[.gemm(of: precision)]
    let gemm = fastest == .packed && !canPack ? .cpu : fastest

    var projections = try weights.linear(prefix + "attn.qkv", c, 3 * c, after: prefix + "norm1")
    let queryScale = 1 / Float(shape.headDimension).squareRoot()
    projections.outputScale = (0..<3 * c).map { $0 < c ? queryScale : 1 }
    qkv = try GEMM(
      context: context, weights: projections, precision: precision, variant: gemm)

    // A padded token is zero behind the LayerNorm: its query, key and value are the layer's own bias.
    let bias = try weights.vector(prefix + "attn.qkv.bias", 3 * c)
    projection = try GEMM(
      context: context, weights: try weights.linear(prefix + "attn.proj", c, c), epilogue: .residual,
      precision: precision, group: shape.headDimension, variant: gemm)
    let positions = 2 * shape.window - 1
    attention = try WindowAttention(
      context: context, shape: shape,
      table: try weights.vector(
        prefix + "attn.relative_position_bias_table", positions * positions, shape.heads),
      paddingToken: bias, output: projection.inputFormat, variant: variants[.windowAttention])

    contraction = try GEMM(
      context: context, weights: try weights.linear(prefix + "mlp.fc2", hidden, c), epilogue: .residual,
      precision: precision, group: GEMM.outputGroup(hidden), variant: gemm)
    expansion = try GEMM(
      context: context, weights: try weights.linear(prefix + "mlp.fc1", c, hidden, after: prefix + "norm2"),
      epilogue: .gelu, precision: precision, output: contraction.inputFormat, variant: gemm)
    norm = try LayerNorm(
      context: context, channels: c, output: qkv.inputFormat, variant: variants[.layerNorm])
  }

  /// Enqueues the block over `images` maps of `rows` tokens in all.
  func enqueue(_ buffers: Activations, images: Int, rows: Int) throws(OpenCLError) {
    try norm.enqueue(input: buffers.tokens, output: buffers.narrow, rows: rows)
    try qkv.enqueue(input: buffers.narrow, output: buffers.wide, rows: rows)
    try attention.enqueue(input: buffers.wide.values, output: buffers.narrow, images: images)
    try projection.enqueue(input: buffers.narrow, output: Operand(values: buffers.tokens), rows: rows)

    try norm.enqueue(input: buffers.tokens, output: buffers.narrow, rows: rows)
    try expansion.enqueue(input: buffers.narrow, output: buffers.wide, rows: rows)
    try contraction.enqueue(input: buffers.wide, output: Operand(values: buffers.tokens), rows: rows)
  }
}

/// What flows through the network, allocated once for the largest batch and the largest stage.
@DeviceActor
struct Activations {
  /// `[rows, C]`: the residual stream.
  let tokens: Buffer<Float>
  /// `[rows, C]`: normalised tokens, attended values; before the first stage, the patches.
  let narrow: Operand
  /// `[rows, 4C]`: queries, keys and values; the MLP's hidden layer; merged neighbours.
  let wide: Operand
}
