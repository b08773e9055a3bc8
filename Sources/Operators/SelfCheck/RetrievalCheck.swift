import OpenCL

/// The search's operators, checked in units of the error bound that the search relies on.
extension OperatorCheck {
  func distance(
    _ rows: Int, _ queries: Int, _ dimension: Int, _ format: VectorFormat
  ) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 8)
    let operation = try Distance(context: context, format: format, variant: variants[.distance])
    let stride = Distance.stride(dimension: dimension)
    let vectors = noise.floats(rows * dimension)
    let resident = try context.makeBuffer(UInt16.self, count: rows * operation.wordsPerRow(dimension: dimension))
    let norms = try context.makeBuffer(Float.self, count: rows)
    let places = try context.makeBuffer((0..<rows).map(UInt32.init))
    try operation.pack(
      try context.makeBuffer(vectors), count: rows, dimension: dimension, to: places, of: resident, inverseNorms: norms)
    var units: [Float] = []
    for _ in 0..<queries {
      let query = noise.floats(dimension)
      let length = query.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      units += query.map { Float(Double($0) / length) } + [Float](repeating: 0, count: stride - dimension)
    }
    let scores = try context.makeBuffer([Float](repeating: .nan, count: queries * rows))
    try operation.score(
      rows: resident, inverseNorms: norms, count: rows, dimension: dimension, queries: try context.makeBuffer(units),
      queryCount: queries, into: scores, scoreStride: rows, scoreBase: 0)
    let output = try context.queue.read(scores)
    let bound = Double(operation.errorBound(dimension: dimension))
    let gathered = try context.makeBuffer(Float.self, count: rows * stride)
    try operation.gather(places, of: resident, count: rows, dimension: dimension, to: places, of: gathered)
    let copies = try context.queue.read(gathered)
    var error = 0.0
    for row in 0..<rows {
      let vector = vectors[row * dimension..<(row + 1) * dimension].map {
        format == .f16 ? Double(Float16($0)) : Double($0)
      }
      // The final scores are made of these: a wrong one is beyond any bound.
      guard vector.elementsEqual(copies[row * stride..<row * stride + dimension].map(Double.init)) else {
        return .infinity
      }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for query in 0..<queries {
        let cosine = (0..<dimension).reduce(0.0) { $0 + vector[$1] * Double(units[query * stride + $1]) } / length
        let difference = abs(Double(output[query * rows + row]) - cosine)
        if difference.isNaN { return .nan }
        error = max(error, difference / bound)
      }
    }
    return error
  }

  /// 0 where exactly the `k` best of the rows that are not excluded are found, else the number that differ.
  func topK(_ rows: Int, _ k: Int) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 9)
    let scores = noise.floats(rows)
    let mask = (0..<(rows + 31) / 32).map { _ in UInt32(truncatingIfNeeded: noise.next()) }
    func isExcluded(_ row: Int) -> Bool { mask[row / 32] >> UInt32(row % 32) & 1 == 1 }
    let eligible = (0..<rows).filter { !isExcluded($0) }
    let found = try TopK(context: context).candidates(
      TopK.Input(
        scores: try context.makeBuffer(scores), scoreStride: rows, rowCount: rows,
        excluded: try context.makeBuffer(mask), maskStride: 0),
      eligible: [eligible.count], k: k, slack: 0)
    let best = eligible.sorted { scores[$0] > scores[$1] }.prefix(k)
    return Double(Set(best).symmetricDifference((found.first ?? []).map(\.row)).count)
  }
}
