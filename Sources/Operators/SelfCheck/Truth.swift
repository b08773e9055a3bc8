import Foundation

/// The operators' answers in double precision, a row at a time, by the plainest loops: what every variant is checked
/// against, at start and in the tests.
enum Truth {
  static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

  /// A row `[outputs]` of a linear layer with everything that is folded into it.
  static func linear(_ weights: LinearWeights, input: some Collection<Double>) -> [Double] {
    var x = Array(input)
    for k in 0..<weights.inputs {
      x[k] = x[k] * Double(weights.inputScale?[k] ?? 1) + Double(weights.inputShift?[k] ?? 0)
    }
    return weights.weight.withUnsafeBufferPointer { w in
      x.withUnsafeBufferPointer { x in
        (0..<weights.outputs).map { n in
          var sum = Double(weights.bias?[n] ?? 0)
          var k = 0
          while k < weights.inputs {
            sum += x[k] * Double(w[n * weights.inputs + k])
            k += 1
          }
          return sum * Double(weights.outputScale?[n] ?? 1)
        }
      }
    }
  }

  /// What a linear layer of `precision` computes of one row: its operands rounded as `round.cl` says, all else exact.
  ///
  /// - Parameter group: inputs that share a scale; all where nil.
  static func linear(
    _ weights: RoundedWeights, input: some Collection<Float>, group: Int? = nil
  ) -> [Double] {
    let x = rounded(Array(input), weights.precision, group: group ?? weights.layer.inputs)
    return weights.rows.enumerated().map { n, row in weights.bias[n] + zip(x, row).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// A linear layer's weights with everything folded in, rounded.
  struct RoundedWeights {
    let layer: LinearWeights
    let precision: Precision
    /// `[outputs][inputs]`
    let rows: [[Double]]
    let bias: [Double]

    init(_ layer: LinearWeights, _ precision: Precision) {
      self.layer = layer
      self.precision = precision
      let inputs = layer.inputs
      rows = (0..<layer.outputs).map { n in
        let folded = (0..<inputs).map {
          layer.weight[n * inputs + $0] * (layer.inputScale?[$0] ?? 1) * (layer.outputScale?[n] ?? 1)
        }
        return Truth.rounded(folded, precision, group: inputs)
      }
      bias = (0..<layer.outputs).map { n in
        let shift = (0..<inputs).reduce(0.0) {
          $0 + Double(layer.weight[n * inputs + $1]) * Double(layer.inputShift?[$1] ?? 0)
        }
        return (shift + Double(layer.bias?[n] ?? 0)) * Double(layer.outputScale?[n] ?? 1)
      }
    }
  }

  /// A row's values as `precision` has them (`round.cl`).
  static func rounded(_ row: [Float], _ precision: Precision, group: Int) -> [Double] {
    switch precision {
    case .f32: return row.map(Double.init)
    case .bf16:
      return row.map { value in
        if value.isNaN { return .nan }
        if value.isSubnormal { return 0 }
        let bits = value.bitPattern
        return Double(Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000))
      }
    case .int8:
      return stride(from: 0, to: row.count, by: group).flatMap { first in
        let values = row[first..<min(first + group, row.count)]
        guard values.allSatisfy(\.isFinite) else { return values.map { _ in Double.nan } }
        let step = max(values.map(abs).max() ?? 0, 1e-30) * (1.0 / 127.0 as Float)
        let inverse = 1 / step
        return values.map { Double(Float(12_582_912).addingProduct($0, inverse) - 12_582_912) * Double(step) }
      }
    }
  }

  static func layerNorm(_ row: some Collection<Double>, epsilon: Double = 1e-6) -> [Double] {
    let mean = row.reduce(0, +) / Double(row.count)
    let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
    return row.map { ($0 - mean) / (variance + epsilon).squareRoot() }
  }

  /// The row `[channels]` that window attention gives for `token` of `image`.
  ///
  /// - Parameters:
  ///   - qkv: `[images·side², 3·channels]`, queries already scaled.
  ///   - paddingToken: `[3·channels]`
  static func attention(
    _ shape: WindowAttention.Shape, qkv: [Float], paddingToken: [Float], table: [Float], image: Int, token: Int
  ) -> [Double] {
    let side = shape.side
    let window = shape.window
    let shift = shape.shift
    let channels = shape.channels
    let padded = (side + window - 1) / window * window
    func region(_ place: Int) -> Int {
      shift == 0 ? 0 : place < padded - window ? 0 : place < padded - shift ? 1 : 2
    }
    // Element `i` of what a place of the rolled, padded map holds.
    func element(_ row: Int, _ column: Int, _ i: Int) -> Double {
      let r = (row + shift) % padded
      let c = (column + shift) % padded
      guard r < side, c < side else { return Double(paddingToken[i]) }
      return Double(qkv[((image * side + r) * side + c) * 3 * channels + i])
    }
    let row = (token / side - shift + padded) % padded
    let column = (token % side - shift + padded) % padded
    var result: [Double] = []
    for head in 0..<shape.heads {
      let first = head * shape.headDimension
      let query = (0..<shape.headDimension).map { element(row, column, first + $0) }
      var weights: [Double] = []
      var values: [[Double]] = []
      for i in 0..<window * window {
        let keyRow = row / window * window + i / window
        let keyColumn = column / window * window + i % window
        var score = 0.0
        for d in 0..<shape.headDimension { score += query[d] * element(keyRow, keyColumn, channels + first + d) }
        let place = (row - keyRow + window - 1) * (2 * window - 1) + column - keyColumn + window - 1
        score += Double(table[place * shape.heads + head])
        if region(keyRow) != region(row) || region(keyColumn) != region(column) { score -= 100 }
        weights.append(score)
        values.append((0..<shape.headDimension).map { element(keyRow, keyColumn, 2 * channels + first + $0) })
      }
      let maximum = weights.reduce(-.infinity) { $0 > $1 ? $0 : $1 }
      weights = weights.map { exp($0 - maximum) }
      let total = weights.reduce(0, +)
      for d in 0..<shape.headDimension {
        result.append(zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[d] } / total)
      }
    }
    return result
  }

  /// The 4C values in front of a merging's LayerNorm, for one token of the merged map.
  static func neighbours(_ tokens: [Float], side: Int, channels: Int, image: Int, token: Int) -> [Double] {
    let half = (side + 1) / 2
    return [(0, 0), (1, 0), (0, 1), (1, 1)].flatMap { row, column in
      let r = 2 * (token / half) + row
      let c = 2 * (token % half) + column
      guard r < side, c < side else { return [Double](repeating: 0, count: channels) }
      let first = ((image * side + r) * side + c) * channels
      return tokens[first..<first + channels].map(Double.init)
    }
  }

  /// Pillow's bicubic resizing of one axis of one channel, at the wanted pixels, rounded to 8 bits.
  static func resize(_ line: [Double], _ axis: ResizeAxis) -> [Double] {
    let scale = Double(axis.source) / Double(axis.target)
    let stretch = max(1, scale)
    return (0..<axis.crop).map { x in
      let center = (Double(axis.first + x) + 0.5) * scale
      var sum = 0.0
      var total = 0.0
      for i in max(0, Int(center - 2 * stretch + 0.5))..<min(axis.source, Int(center + 2 * stretch + 0.5)) {
        let t = abs((Double(i) + 0.5 - center) / stretch)
        let weight = t < 1 ? 1.5 * t * t * t - 2.5 * t * t + 1 : t < 2 ? -0.5 * t * t * t + 2.5 * t * t - 4 * t + 2 : 0
        sum += weight * line[i]
        total += weight
      }
      return min(255, max(0, (sum / total).rounded()))
    }
  }
}
