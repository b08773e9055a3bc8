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
/// given and the resident vector `v` (rounded to half, or float); so the same vector scores exactly 1. The device scores all vectors in float with a proven
/// bound ε; every row within 2ε of the k-th best score stays a candidate (`TopK`), and the candidates are scored again
/// here, each by itself, in double. So neither the choice nor a score depends on what else ran at the same time.
extension VectorIndex {
  /// Device memory for scores, in floats.
  private static let scoreLimit = 16 << 20
  private static let queriesAtOnce = 64

  /// The `k` nearest rows of each query that its mask does not exclude, best first.
  ///
  /// - Parameter queries: each `dimension` finite numbers, not all zero.
  func nearest(_ queries: [[Float]], k: Int, _ masks: SearchMasks) throws(OpenCLError) -> [[Hit]] {
    guard table.slotCount > 0, k > 0 else { return queries.map { _ in [] } }
    let group = max(1, min(Self.queriesAtOnce, Self.scoreLimit / table.slotCount))
    var hits: [[Hit]] = []
    for start in stride(from: 0, to: queries.count, by: group) {
      let range = start..<min(start + group, queries.count)
      let part = range.map { ExactQuery(queries[$0]) }
      let candidates = try candidates(part, k: k, masks.subset(range))
      hits += try rescored(part, candidates, k: k)
    }
    return hits
  }

  private func candidates(
    _ queries: [ExactQuery], k: Int, _ masks: SearchMasks
  ) throws(OpenCLError) -> [[TopK.Candidate]] {
    let queue = try operators.context.queue
    let slotCount = table.slotCount
    let width = Distance.stride(dimension: dimension)
    let units = queries.flatMap { $0.unit + [Float](repeating: 0, count: width - dimension) }
    let unitBuffer = try operators.queries.reserve(units.count)
    try queue.write(units, to: unitBuffer)
    let scores = try operators.scores.reserve(queries.count * slotCount)
    try chunks.score(unitBuffer, queryCount: queries.count, slotCount: slotCount, into: scores)

    let words = masks.masks.flatMap(\.words)
    let maskBuffer = try operators.masks.reserve(words.count)
    try queue.write(words, to: maskBuffer)
    let input = TopK.Input(
      scores: scores, scoreStride: slotCount, rowCount: slotCount, excluded: maskBuffer,
      maskStride: masks.masks.count == 1 ? 0 : words.count / masks.masks.count)
    let eligible =
      masks.masks.count == 1
      ? [Int](repeating: masks.masks[0].clearCount, count: queries.count) : masks.masks.map(\.clearCount)
    return try operators.topK.candidates(
      input, eligible: eligible, k: k, slack: 2 * operators.distance.errorBound(dimension: dimension))
  }

  /// The `k` best of each query's candidates by their final scores.
  private func rescored(
    _ queries: [ExactQuery], _ candidates: [[TopK.Candidate]], k: Int
  ) throws(OpenCLError) -> [[Hit]] {
    let width = Distance.stride(dimension: dimension)
    let slots = candidates.flatMap { $0.map(\.row) }
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
  let unit: [Float]

  init(_ query: [Float]) {
    elements = query.map(Double.init)
    var squares = 0.0
    for element in elements { squares += element * element }
    self.squares = squares
    let norm = squares.squareRoot()
    unit = elements.map { Float($0 / norm) }
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
