import OpenCL

/// A block as seven operations, one after the other: on any device, at any precision.
@DeviceActor
struct BlockChain {
  private let rowsPerImage: Int
  private let norm: LayerNorm
  private let qkv: GEMM
  private let attention: WindowAttention
  private let projection: GEMM
  private let expansion: GEMM
  private let contraction: GEMM

  /// - Parameters:
  ///   - weights: with scaled queries.
  ///   - paddingToken: `[3·channels]`
  init(
    context: Context, shape: WindowAttention.Shape, weights: SwinBlock.Weights, paddingToken: [Float],
    precision: Precision, variants: Variants
  ) throws(OpenCLError) {
    let c = shape.channels
    // A layer reads what its producer can write.
    let canPack =
      c.isMultiple(of: 16) && variants[.layerNorm] == .cpu && variants[.windowAttention] == .cpu
      && WindowAttention.holds(shape, on: context.device)
    let fastest = variants[.gemm(of: precision)]
    let gemm = fastest == .packed && !canPack ? .cpu : fastest

    rowsPerImage = shape.side * shape.side
    qkv = try GEMM(context: context, weights: weights.qkv, precision: precision, variant: gemm)
    projection = try GEMM(
      context: context, weights: weights.projection, epilogue: .residual, precision: precision,
      group: shape.headDimension, variant: gemm)
    attention = try WindowAttention(
      context: context, shape: shape, table: weights.table, paddingToken: paddingToken,
      output: projection.inputFormat, variant: variants[.windowAttention])
    contraction = try GEMM(
      context: context, weights: weights.contraction, epilogue: .residual, precision: precision,
      group: GEMM.outputGroup(weights.expansion.outputs), variant: gemm)
    expansion = try GEMM(
      context: context, weights: weights.expansion, epilogue: .gelu, precision: precision,
      output: contraction.inputFormat, variant: gemm)
    norm = try LayerNorm(context: context, channels: c, output: qkv.inputFormat, variant: variants[.layerNorm])
  }

  func enqueue(tokens: Buffer<Float>, narrow: Operand, wide: Operand, images: Int) throws(OpenCLError) {
    let rows = images * rowsPerImage
    try norm.enqueue(input: tokens, output: narrow, rows: rows)
    try qkv.enqueue(input: narrow, output: wide, rows: rows)
    try attention.enqueue(input: wide.values, output: narrow, images: images)
    try projection.enqueue(input: narrow, output: Operand(values: tokens), rows: rows)

    try norm.enqueue(input: tokens, output: narrow, rows: rows)
    try expansion.enqueue(input: narrow, output: wide, rows: rows)
    try contraction.enqueue(input: wide, output: Operand(values: tokens), rows: rows)
  }
}
