import OpenCL

/// One block of a stage: `x += proj(attention(qkv(norm(x))))`, then `x += fc2(gelu(fc1(norm(x))))`
/// (Swin Transformer, arXiv 2103.14030, section 3.2 and figure 3).
@DeviceActor
package final class SwinBlock {
  /// The layers, each with the scale and shift of the LayerNorm in front as its input's.
  package struct Weights: Sendable {
    /// `[3·channels, channels]`: queries, keys and values. A padded token's are this layer's own bias, since its input
    /// is zero behind the LayerNorm.
    package var qkv: LinearWeights
    /// `[channels, channels]`
    package var projection: LinearWeights
    /// `[hidden, channels]`
    package var expansion: LinearWeights
    /// `[channels, hidden]`
    package var contraction: LinearWeights
    /// `[(2·window - 1)², heads]`: the relative position bias.
    package var table: [Float]

    package init(
      qkv: LinearWeights, projection: LinearWeights, expansion: LinearWeights, contraction: LinearWeights,
      table: [Float]
    ) {
      self.qkv = qkv
      self.projection = projection
      self.expansion = expansion
      self.contraction = contraction
      self.table = table
    }
  }

  package nonisolated let shape: WindowAttention.Shape
  /// The portable one is the chain of operators, each of its own variant.
  package nonisolated let variant: Variant
  private let form: Form

  private enum Form {
    case chain(BlockChain)
    case kernel(BlockKernel)
  }

  /// - Parameters:
  ///   - variants: a CPU's block takes shapes that keep all compute units busy (`BlockKernel`), and in low
  ///     precision processors with the instructions; others run the chain.
  ///   - computeUnits: another number than the device's own, for tests.
  ///   - vectorBits: another vector width than the CPU's own, for tests.
  ///   - assembly: whether the packed block uses the processor's instructions, for tests.
  package init(
    context: Context, shape: WindowAttention.Shape, weights: Weights, precision: Precision = .f32, variants: Variants,
    computeUnits: Int? = nil, vectorBits: Int? = nil, assembly: Bool? = nil
  ) throws(OpenCLError) {
    let c = shape.channels
    let hidden = weights.expansion.outputs
    guard
      weights.qkv.inputs == c, weights.qkv.outputs == 3 * c, weights.projection.inputs == c,
      weights.projection.outputs == c, weights.expansion.inputs == c, weights.contraction.inputs == hidden,
      weights.contraction.outputs == c
    else { throw OpenCLError(operation: "Swin block", detail: "the layers' sizes do not fit \(c) channels") }
    self.shape = shape
    var scaled = weights
    let queryScale = 1 / Float(shape.headDimension).squareRoot()
    scaled.qkv.outputScale = (0..<3 * c).map { $0 < c ? queryScale : 1 }
    let padding = weights.qkv.bias ?? [Float](repeating: 0, count: 3 * c)

    var kernel: BlockKernel?
    var kind = Variant.cpu
    if variants[.swinBlock] == .cpu {
      let units = computeUnits ?? context.device.computeUnits
      if precision == .f32 {
        let bits = if let vectorBits { vectorBits } else { try VectorBits.of(context) }
        kernel = try BlockKernel(
          f32: scaled, shape: shape, paddingToken: padding, computeUnits: units, vectorBits: bits, in: context)
      } else if variants[.gemm(of: precision)] == .packed {
        kind = .packed
        let instructions = if let assembly { assembly } else { try precision.hasInstructions(in: context) }
        if instructions || assembly != nil {
          kernel = try BlockKernel(
            packed: scaled, precision: precision, shape: shape, paddingToken: padding, computeUnits: units,
            assembly: instructions, in: context)
        }
      }
    }
    if let kernel {
      variant = kind
      form = .kernel(kernel)
    } else {
      variant = .portable
      form = .chain(
        try BlockChain(
          context: context, shape: shape, weights: scaled, paddingToken: padding, precision: precision,
          variants: variants))
    }
  }

  /// Enqueues the block over `images` maps, in place.
  ///
  /// - Parameters:
  ///   - tokens: `[images·side², channels]`
  ///   - narrow: scratch of the same size; both with room for `GEMM.paddedRows`.
  ///   - wide: scratch of `[images·side², max(3·channels, hidden)]`, with the same room.
  package func enqueue(
    tokens: Buffer<Float>, narrow: Operand, wide: Operand, images: Int
  ) throws(OpenCLError) {
    guard images > 0 else { return }
    switch form {
    case .chain(let chain): try chain.enqueue(tokens: tokens, narrow: narrow, wide: wide, images: images)
    case .kernel(let kernel): try kernel.enqueue(tokens: tokens, images: images)
    }
  }
}
