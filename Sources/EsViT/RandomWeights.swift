/// Weights for `random:swin-t-w7` and for parity with other implementations: no file, no training, the same numbers
/// everywhere.
///
/// Each tensor is `NoiseStream(name).normal` with the mean and deviation below. They are chosen so that a wrong
/// implementation cannot hide: attention is far from uniform (mean softmax entropy well below 0.7 of the uniform's),
/// no norm weight is 1 and no bias 0, the position tables weigh as much as the content, and the patch projection's
/// output is so small (variance about 10⁻³) that the epsilon of the LayerNorm behind it shows.
enum RandomWeights {
  static func tensors(for architecture: Architecture) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (name, shape) in architecture.tensorShapes {
      let (mean, deviation) = distribution(of: name, shape: shape)
      let values = NoiseStream(name).normal(count: shape.reduce(1, *), mean: mean, deviation: deviation)
      tensors[name] = Tensor(shape: shape, floats: values)
    }
    return tensors
  }

  /// Mean and deviation of a tensor's elements. A matrix is scaled by the root of its inputs, so that every width
  /// behaves alike.
  static func distribution(of name: String, shape: [Int]) -> (mean: Float, deviation: Double) {
    let inputs = Double(shape.dropFirst().reduce(1, *)).squareRoot()
    let parts = name.split(separator: ".").suffix(2).joined(separator: ".")
    if name.hasPrefix("patch_embed.proj.") {
      return (0, name.hasSuffix("weight") ? 0.03 / inputs : 0.01)
    }
    switch parts {
    case "qkv.weight": return (0, 1.25 / inputs)
    case "attn.relative_position_bias_table": return (0, 2.5)
    case "proj.weight": return (0, 0.7 / inputs)
    case "fc1.weight", "fc2.weight", "reduction.weight": return (0, 1 / inputs)
    case "proj.bias", "fc2.bias": return (0, 0.1)
    case "qkv.bias", "fc1.bias": return (0, 0.25)
    default: return (name.hasSuffix("weight") ? 1 : 0, 0.25)  // LayerNorm
    }
  }
}
