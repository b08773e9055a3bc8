/// A block's answers in double precision, a row at a time.
final class BlockTruth {
  private let shape: WindowAttention.Shape
  private let weights: SwinBlock.Weights
  private let precision: Precision
  /// The layers with rounded weights, where the precision is low.
  private let rounded: [Truth.RoundedWeights]
  private let paddingToken: [Float]
  /// `[rows, channels]`, before the block.
  private let tokens: [Float]
  /// `[rows, 3·channels]`, filled for the images and windows that were asked for.
  private var qkv: [Float]
  private var isFilled: [Bool]

  /// - Parameter weights: as `SwinBlock` takes them, queries not scaled.
  init(
    _ shape: WindowAttention.Shape, _ weights: SwinBlock.Weights, precision: Precision = .f32, tokens: [Float]
  ) {
    let scale = 1 / Float(shape.headDimension).squareRoot()
    self.shape = shape
    self.tokens = tokens
    paddingToken = weights.qkv.bias ?? [Float](repeating: 0, count: 3 * shape.channels)
    var scaled = weights
    scaled.qkv.outputScale = (0..<3 * shape.channels).map { $0 < shape.channels ? scale : 1 }
    self.weights = scaled
    self.precision = precision
    let layers = [scaled.qkv, scaled.projection, scaled.expansion, scaled.contraction]
    rounded = precision == .f32 ? [] : layers.map { Truth.RoundedWeights($0, precision) }
    qkv = [Float](repeating: 0, count: 3 * tokens.count)
    isFilled = [Bool](repeating: false, count: tokens.count / shape.channels)
  }

  /// The row `[channels]` behind the block.
  func row(_ row: Int) -> [Double] {
    let perImage = shape.side * shape.side
    fill(image: row / perImage, near: row % perImage)
    let attended = Truth.attention(
      shape, qkv: qkv, paddingToken: paddingToken, table: weights.table, image: row / perImage, token: row % perImage)
    let middle = zip(input(row), linear(1, attended, group: shape.headDimension)).map(+)
    let hidden = linear(2, Truth.layerNorm(middle)).map(Truth.gelu)
    return zip(middle, linear(3, hidden, group: GEMM.outputGroup(hidden.count))).map(+)
  }

  /// Layer `index` of one row, with rounded operands where the precision is low.
  private func linear(_ index: Int, _ input: [Double], group: Int? = nil) -> [Double] {
    if precision != .f32 { return Truth.linear(rounded[index], input: input.map { Float($0) }, group: group) }
    return Truth.linear(
      [weights.qkv, weights.projection, weights.expansion, weights.contraction][index], input: input)
  }

  private func input(_ row: Int) -> [Double] {
    tokens[row * shape.channels..<(row + 1) * shape.channels].map(Double.init)
  }

  /// Computes queries, keys and values of all tokens in the window of `token`.
  private func fill(image: Int, near token: Int) {
    let padded = (shape.side + shape.window - 1) / shape.window * shape.window
    func window(_ token: Int) -> (Int, Int) {
      let row = (token / shape.side - shape.shift + padded) % padded
      let column = (token % shape.side - shape.shift + padded) % padded
      return (row / shape.window, column / shape.window)
    }
    let own = window(token)
    for other in 0..<shape.side * shape.side where window(other) == own {
      let row = image * shape.side * shape.side + other
      if isFilled[row] { continue }
      isFilled[row] = true
      for (i, value) in linear(0, Truth.layerNorm(input(row))).enumerated() {
        qkv[row * 3 * shape.channels + i] = Float(value)
      }
    }
  }
}

extension SwinBlock.Weights {
  /// Noise of a size that keeps activations near 1.
  init(_ shape: WindowAttention.Shape, noise: inout Noise) {
    let c = shape.channels
    func layer(_ inputs: Int, _ outputs: Int, isNormalised: Bool, _ noise: inout Noise) -> LinearWeights {
      let size = 2 / Float(inputs).squareRoot()
      return LinearWeights(
        inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs).map { $0 * size },
        bias: noise.floats(outputs), inputScale: isNormalised ? noise.floats(inputs).map { 1 + 0.5 * $0 } : nil,
        inputShift: isNormalised ? noise.floats(inputs).map { 0.5 * $0 } : nil)
    }
    let positions = 2 * shape.window - 1
    self.init(
      qkv: layer(c, 3 * c, isNormalised: true, &noise), projection: layer(c, c, isNormalised: false, &noise),
      expansion: layer(c, 4 * c, isNormalised: true, &noise),
      contraction: layer(4 * c, c, isNormalised: false, &noise),
      table: noise.floats(positions * positions * shape.heads))
  }
}
