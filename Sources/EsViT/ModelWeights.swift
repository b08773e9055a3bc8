import Operators

/// The tensors of a model by name, checked against the shapes that the forward pass needs.
struct ModelWeights {
  let tensors: [String: Tensor]

  /// - Throws: `EncoderError.tensor` where it is absent or shaped otherwise.
  func vector(_ name: String, _ shape: Int...) throws(EncoderError) -> [Float] {
    guard let tensor = tensors[name] else { throw .tensor(name: name, reason: "is missing") }
    guard tensor.shape == shape else { throw .tensor(name: name, reason: "has shape \(tensor.shape), not \(shape)") }
    return tensor.floats()
  }

  /// Scale and shift of the LayerNorm `name`.
  func norm(_ name: String, _ channels: Int) throws(EncoderError) -> (scale: [Float], shift: [Float]) {
    (try vector(name + ".weight", channels), try vector(name + ".bias", channels))
  }

  /// The linear layer `name`, with the LayerNorm `norm` in front folded in.
  func linear(
    _ name: String, _ inputs: Int, _ outputs: Int, after norm: String? = nil, bias: Bool = true
  ) throws(EncoderError) -> LinearWeights {
    var linear = LinearWeights(
      inputs: inputs, outputs: outputs, weight: try vector(name + ".weight", outputs, inputs),
      bias: bias ? try vector(name + ".bias", outputs) : nil)
    if let norm {
      let (scale, shift) = try self.norm(norm, inputs)
      linear.inputScale = scale
      linear.inputShift = shift
    }
    return linear
  }

  /// A block's layers.
  ///
  /// - Parameter prefix: of their names, `layers.S.blocks.B.`
  func block(_ prefix: String, _ shape: WindowAttention.Shape) throws(EncoderError) -> SwinBlock.Weights {
    let c = shape.channels
    let hidden = Architecture.mlpRatio * c
    let positions = 2 * shape.window - 1
    return SwinBlock.Weights(
      qkv: try linear(prefix + "attn.qkv", c, 3 * c, after: prefix + "norm1"),
      projection: try linear(prefix + "attn.proj", c, c),
      expansion: try linear(prefix + "mlp.fc1", c, hidden, after: prefix + "norm2"),
      contraction: try linear(prefix + "mlp.fc2", hidden, c),
      table: try vector(prefix + "attn.relative_position_bias_table", positions * positions, shape.heads))
  }
}
