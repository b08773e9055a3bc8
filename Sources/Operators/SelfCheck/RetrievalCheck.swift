import OpenCL

/// What a search is made of, in units of each operator's own proven bound: above 1 is wrong.
extension OperatorCheck {
  /// Rows on the device with their exact cosines: `cosines[query][row]`.
  private struct Resident {
    let operation: Distance
    let rows: Buffer<UInt16>
    let norms: Buffer<Float>
    let places: Buffer<UInt32>
    /// Rows that there is room for, and their number: whole blocks.
    let capacity: Int
    let vectors: [[Double]]
    /// `[queries, stride]`, of length 1.
    let units: [Float]
    let cosines: [[Double]]
    /// A mask without a bit for the rows.
    let excluded: [UInt32]
  }

  private func resident(
    _ rows: Int, _ queries: Int, _ dimension: Int, _ format: VectorFormat
  ) throws(OpenCLError) -> Resident {
    var noise = Noise(seed: 8)
    let operation = try Distance(context: context, format: format, variant: variants[.distance])
    let stride = Distance.stride(dimension: dimension)
    let vectors = noise.floats(rows * dimension)
    let blocks = (rows + BlockScan.rows - 1) / BlockScan.rows
    let capacity = blocks * BlockScan.rows
    let buffer = try context.makeBuffer(UInt16.self, count: capacity * operation.wordsPerRow(dimension: dimension))
    let norms = try context.makeBuffer(Float.self, count: capacity)
    let places = try context.makeBuffer((0..<rows).map(UInt32.init))
    try operation.pack(
      try context.makeBuffer(vectors), count: rows, dimension: dimension, to: places, of: buffer, inverseNorms: norms)
    var units: [Float] = []
    for _ in 0..<queries {
      let query = noise.floats(dimension)
      let length = query.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      units += query.map { Float(Double($0) / length) } + [Float](repeating: 0, count: stride - dimension)
    }
    let rounded = (0..<rows).map { row in
      vectors[row * dimension..<(row + 1) * dimension].map { format == .f16 ? Double(Float16($0)) : Double($0) }
    }
    let cosines = (0..<queries).map { query in
      rounded.map { vector in
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return (0..<dimension).reduce(0.0) { $0 + vector[$1] * Double(units[query * stride + $1]) } / length
      }
    }
    var excluded = [UInt32](repeating: 0, count: blocks)
    for row in rows..<capacity { excluded[row / 32] |= 1 << UInt32(row % 32) }
    return Resident(
      operation: operation, rows: buffer, norms: norms, places: places, capacity: capacity, vectors: rounded,
      units: units, cosines: cosines, excluded: excluded)
  }

  func distance(
    _ rows: Int, _ queries: Int, _ dimension: Int, _ format: VectorFormat
  ) throws(OpenCLError) -> Double {
    let resident = try resident(rows, queries, dimension, format)
    let operation = resident.operation
    let stride = Distance.stride(dimension: dimension)
    let gathered = try context.makeBuffer(Float.self, count: rows * stride)
    try operation.gather(
      resident.places, of: resident.rows, count: rows, dimension: dimension, to: resident.places, of: gathered)
    let copies = try context.queue.read(gathered)
    for (row, vector) in resident.vectors.enumerated() {
      // The final scores are made of these: a wrong one is beyond any bound.
      guard vector.elementsEqual(copies[row * stride..<row * stride + dimension].map(Double.init)) else {
        return .infinity
      }
    }
    let bound = Double(operation.errorBound(dimension: dimension))
    let topK = try TopK(context: context)
    let units = try context.makeBuffer(resident.units)
    let scan = try topK.begin(queryCount: queries, blockCount: resident.excluded.count, excluded: resident.excluded)
    try operation.scan(
      scan, .init(first: 0, count: scan.blockCount, base: 0), rows: resident.rows, inverseNorms: resident.norms,
      dimension: dimension, queries: units)
    var error = try blockError(scan, resident.cosines, widest: 3 * bound)
    // Nothing is known yet: every row is a candidate.
    let counts = try topK.candidateCounts(scan)
    guard counts == [Int](repeating: rows, count: queries) else { return .infinity }
    let list = try topK.collect(scan, 0..<queries, counts: counts)
    let scores = try context.makeBuffer([Float](repeating: .nan, count: list.count))
    try operation.refine(
      list, origin: 0, capacity: resident.capacity, rows: resident.rows, inverseNorms: resident.norms,
      dimension: dimension, queries: units, into: scores)
    let slots = try context.queue.read(list.slots, count: list.count)
    let owners = try context.queue.read(list.owners, count: list.count)
    for (score, (slot, owner)) in zip(try context.queue.read(scores), zip(slots, owners)) {
      let difference = abs(Double(score) - resident.cosines[Int(owner)][Int(slot)])
      if difference.isNaN { return .nan }
      error = max(error, difference / bound)
    }
    return error
  }

  func distanceInt8(
    _ rows: Int, _ queries: Int, _ dimension: Int, _ format: VectorFormat
  ) throws(OpenCLError) -> Double {
    let resident = try resident(rows, queries, dimension, format)
    let operation = try Int8Distance(context: context, format: format, variant: variants[.distanceInt8])
    let codes = try Int8Distance.Codes(context: context, rows: resident.capacity, dimension: dimension)
    try operation.pack(
      resident.places, count: rows, of: resident.rows, inverseNorms: resident.norms, dimension: dimension, into: codes)
    let stride = Distance.stride(dimension: dimension)
    let buffers = Int8Distance.QueryBuffers(context: context)
    let units = (0..<queries).map { resident.units[$0 * stride..<$0 * stride + dimension].map(Double.init) }
    try operation.write(Int8Distance.Queries(units), to: buffers)
    let scan = try TopK(context: context).begin(
      queryCount: queries, blockCount: resident.excluded.count, excluded: resident.excluded)
    try operation.scan(
      scan, .init(first: 0, count: scan.blockCount, base: 0), codes: codes, dimension: dimension, queries: buffers)
    return try blockError(scan, resident.cosines, widest: 0.1)
  }

  /// How far each block's best cosine is from the middle of its bounds, in half widths; infinite where the bounds are
  /// wider apart than `widest`, which would make them worthless.
  private func blockError(
    _ scan: BlockScan, _ cosines: [[Double]], widest: Double
  ) throws(OpenCLError) -> Double {
    let upper = try context.queue.read(scan.upper)
    let lower = try context.queue.read(scan.lower)
    var error = 0.0
    for (query, cosines) in cosines.enumerated() {
      for block in 0..<scan.blockCount {
        let first = block * BlockScan.rows
        let best = cosines[first..<min(first + BlockScan.rows, cosines.count)].reduce(-1) { $0 > $1 ? $0 : $1 }
        let high = Double(upper[query * scan.blockCount + block])
        let low = Double(lower[query * scan.blockCount + block])
        guard high - low <= widest else { return .infinity }
        error = max(error, abs(best - (high + low) / 2) / ((high - low) / 2))
      }
    }
    return error
  }

  /// Rows that are missing or too many.
  func topK(_ rows: Int, _ k: Int) throws(OpenCLError) -> Double {
    var noise = Noise(seed: 9)
    let blocks = (rows + BlockScan.rows - 1) / BlockScan.rows
    let mask = (0..<blocks).map { block in
      let beyond = (block + 1) * 32 - rows
      return UInt32(truncatingIfNeeded: noise.next()) | (beyond > 0 ? ~0 << UInt32(32 - beyond) : 0)
    }
    func isExcluded(_ row: Int) -> Bool { mask[row / 32] >> UInt32(row % 32) & 1 == 1 }
    let scores = noise.floats(rows)
    let eligible = (0..<rows).filter { !isExcluded($0) }
    let topK = try TopK(context: context)
    let scan = try topK.begin(queryCount: 1, blockCount: blocks, excluded: mask)
    // As a pass would leave it that knew nothing.
    let best = (0..<blocks).map { block in
      (block * 32..<min(block * 32 + 32, rows)).reduce(Float(-4)) { isExcluded($1) ? $0 : max($0, scores[$1]) }
    }
    try context.queue.write(best, to: scan.upper)
    try context.queue.write(best, to: scan.lower)
    try context.queue.write(mask.map { ~$0 }, to: scan.found)
    try topK.raise(scan, blocks: blocks, k: k)
    let list = try topK.collect(scan, 0..<1, counts: topK.candidateCounts(scan))
    let slots = try context.queue.read(list.slots, count: list.count)
    let found = try topK.best(
      list, scores: try context.makeBuffer(slots.map { scores[Int($0)] }), k: k, slack: 0)
    let expected = eligible.sorted { scores[$0] > scores[$1] }.prefix(k)
    return Double(Set(expected).symmetricDifference(found.first ?? []).count)
  }
}
