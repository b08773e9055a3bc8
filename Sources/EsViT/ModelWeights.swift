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
}
