/// A linear layer on the host, with what is folded into it when it is put on a device.
package struct LinearWeights: Sendable {
  package let inputs: Int
  package let outputs: Int
  /// `[outputs, inputs]`, row-major.
  package var weight: [Float]
  /// `[outputs]`; zeros where nil.
  package var bias: [Float]?
  /// `[inputs]`: scale and shift of the LayerNorm in front, whose kernel then only normalises.
  package var inputScale: [Float]?
  package var inputShift: [Float]?
  /// `[outputs]`: multiplies the output, its bias included.
  package var outputScale: [Float]?

  package init(
    inputs: Int, outputs: Int, weight: [Float], bias: [Float]? = nil, inputScale: [Float]? = nil,
    inputShift: [Float]? = nil, outputScale: [Float]? = nil
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = weight
    self.bias = bias
    self.inputScale = inputScale
    self.inputShift = inputShift
    self.outputScale = outputScale
  }

  /// The same layer with its outputs in another order: output `i` is what `order[i]` was.
  func reordered(_ order: [Int]) -> LinearWeights {
    var layer = self
    layer.weight = order.flatMap { weight[$0 * inputs..<($0 + 1) * inputs] }
    layer.bias = bias.map { bias in order.map { bias[$0] } }
    layer.outputScale = outputScale.map { scale in order.map { scale[$0] } }
    return layer
  }

  /// What does not fit together, or nil.
  var problem: String? {
    if inputs < 1 || outputs < 1 { return "a linear layer of \(inputs) inputs and \(outputs) outputs" }
    if weight.count != inputs * outputs { return "\(weight.count) weights for \(inputs) inputs, \(outputs) outputs" }
    for (name, vector, count) in [
      ("biases", bias, outputs), ("input scales", inputScale, inputs), ("input shifts", inputShift, inputs),
      ("output scales", outputScale, outputs),
    ] {
      if let vector, vector.count != count { return "\(vector.count) \(name) for \(count)" }
    }
    return nil
  }
}
