import OpenCL
import Operators

/// A row found and its final score.
struct Hit: Sendable, Equatable {
  var row: Int64
  var slot: Int
  var score: Double

  /// Best first, then in the order of insertion.
  static func precedes(_ a: Hit, _ b: Hit) -> Bool { a.score > b.score || (a.score == b.score && a.row < b.row) }
}

/// Which slots the queries of a search run over.
struct SearchMasks: Sendable {
  /// One mask for all queries, or one a query.
  var masks: [Bitmask]

  func mask(_ query: Int) -> Bitmask { masks.count == 1 ? masks[0] : masks[query] }

  /// The masks of a part of the queries.
  func subset(_ queries: some Sequence<Int>) -> SearchMasks {
    masks.count == 1 ? self : SearchMasks(masks: queries.map { masks[$0] })
  }
}

/// Exact nearest neighbours by cosine.
///
/// The truth is `q·v / √(q·q · v·v)` in double precision, each sum from the first element to the last, of the query as
/// given and the resident vector `v` (rounded to half, or float); so the same vector scores exactly 1. The device narrows
/// the choice, each step with a proven bound on its error: a pass over all rows (their 8-bit codes where that is fast and
/// sharp enough, else the rows themselves) leaves those that may reach the k-th best score; they are scored in float, with
/// an error of at most ε, and those within 2ε of the k-th best are scored again here, each by itself, in double. So neither
/// the choice nor a score depends on what else ran at the same time.
extension VectorIndex {
  /// Device memory for what a pass leaves behind, in blocks.
  private static let scanLimit = 16 << 20
  private static let queriesAtOnce = 64
  /// Candidates that are scored at once; more where a single query has more.
  private static let listLimit = 4 << 20

  /// The `k` nearest rows of each query that its mask does not exclude, best first.
  ///
  /// - Parameter queries: each `dimension` finite numbers, not all zero.
  func nearest(_ queries: [[Float]], k: Int, _ masks: SearchMasks) throws(OpenCLError) -> [[Hit]] {
    guard table.slotCount > 0, k > 0 else { return queries.map { _ in [] } }
    let blockCount = (table.slotCount + BlockScan.rows - 1) / BlockScan.rows
    let group = max(1, min(Self.queriesAtOnce, Self.scanLimit / blockCount))
    var hits: [[Hit]] = []
    for start in stride(from: 0, to: queries.count, by: group) {
      let range = start..<min(start + group, queries.count)
      let part = range.map { ExactQuery(queries[$0]) }
      let scan = try operators.topK.begin(
        queryCount: part.count, blockCount: blockCount, excluded: masks.subset(range).masks.flatMap(\.words))
      let candidates = try candidates(part, scan, k: k)
      hits += try rescored(part, candidates, k: k)
    }
    return hits
  }

  /// The slots of each query that may be among its `k` best.
  private func candidates(_ queries: [ExactQuery], _ scan: BlockScan, k: Int) throws(OpenCLError) -> [[Int]] {
    let width = Distance.stride(dimension: dimension)
    let units = queries.flatMap { $0.unit.map { Float($0) } + [Float](repeating: 0, count: width - dimension) }
    let unitBuffer = try operators.queries.reserve(units.count)
    try operators.context.queue.write(units, to: unitBuffer)

    let counts = try candidateCounts(queries, unitBuffer, scan, k: k)
    let slack = 2 * operators.distance.errorBound(dimension: dimension)
    var candidates: [[Int]] = []
    while candidates.count < queries.count {
      let first = candidates.count
      var last = first + 1
      var total = counts[first]
      while last < queries.count, total + counts[last] <= Self.listLimit {
        total += counts[last]
        last += 1
      }
      let list = try operators.topK.collect(scan, first..<last, counts: Array(counts[first..<last]))
      let scores = try operators.scores.reserve(total)
      try chunks.refine(list, unitBuffer, into: scores)
      candidates += try operators.topK.best(list, scores: scores, k: k, slack: slack)
    }
    return candidates
  }

  /// How many rows of each query a pass over all leaves.
  private func candidateCounts(
    _ queries: [ExactQuery], _ units: Buffer<Float>, _ scan: BlockScan, k: Int
  ) throws(OpenCLError) -> [Int] {
    if let int8 = operators.int8 {
      try int8.write(Int8Distance.Queries(queries.map(\.unit)), to: operators.int8Queries)
      try chunks.scan(scan, k: k) { chunk, blocks throws(OpenCLError) in
        guard let codes = chunk.codes else { return }
        try int8.scan(scan, blocks, codes: codes, dimension: dimension, queries: operators.int8Queries)
      }
      let counts = try operators.topK.candidateCounts(scan)
      // More than that cost more, one by one, than the pass over the rows themselves.
      if counts.reduce(0, +) <= queries.count * table.slotCount / 4 { return counts }
    }
    try chunks.scan(scan, k: k) { chunk, blocks throws(OpenCLError) in
      try operators.distance.scan(
        scan, blocks, rows: chunk.rows, inverseNorms: chunk.inverseNorms, dimension: dimension, queries: units)
    }
    return try operators.topK.candidateCounts(scan)
  }

  /// The `k` best of each query's candidates by their final scores.
  private func rescored(
    _ queries: [ExactQuery], _ candidates: [[Int]], k: Int
  ) throws(OpenCLError) -> [[Hit]] {
    let width = Distance.stride(dimension: dimension)
    let slots = candidates.flatMap(\.self)
    let owners = candidates.enumerated().flatMap { repeatElement($0.offset, count: $0.element.count) }
    var hits = candidates.map { found in
      var hits: [Hit] = []
      hits.reserveCapacity(found.count)
      return hits
    }
    for start in stride(from: 0, to: slots.count, by: chunks.gatherLimit) {
      let part = slots[start..<min(start + chunks.gatherLimit, slots.count)]
      let vectors = try chunks.gather(part)
      vectors.withUnsafeBufferPointer { vectors in
        for index in part.indices {
          let first = (index - start) * width
          let vector = UnsafeBufferPointer(rebasing: vectors[first..<first + dimension])
          let owner = owners[index]
          let slot = slots[index]
          hits[owner].append(Hit(row: table.rows[slot], slot: slot, score: queries[owner].cosine(vector)))
        }
      }
    }
    return hits.map { Array($0.sorted(by: Hit.precedes).prefix(k)) }
  }
}

/// A query and what every comparison with it needs.
struct ExactQuery: Sendable {
  private let elements: [Double]
  private let squares: Double
  /// The query at length 1, for the device.
  let unit: [Double]

  init(_ query: [Float]) {
    elements = query.map(Double.init)
    var squares = 0.0
    for element in elements { squares += element * element }
    self.squares = squares
    let norm = squares.squareRoot()
    unit = elements.map { $0 / norm }
  }

  /// The final score: in double precision, from the first element to the last.
  func cosine(_ vector: UnsafeBufferPointer<Float>) -> Double {
    elements.withUnsafeBufferPointer { elements in
      var dot = 0.0
      var vectorSquares = 0.0
      for index in 0..<elements.count {
        let value = Double(vector[index])
        dot += elements[index] * value
        vectorSquares += value * value
      }
      return dot / (squares * vectorSquares).squareRoot()
    }
  }
}
