import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Distance")
struct DistanceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var variant: Variant
    var format: VectorFormat
    /// Of the portable variant: any power of two must do.
    var workGroupLimit: Int?
    var testDescription: String {
      "\(variant.rawValue), \(format.rawValue)" + (workGroupLimit.map { ", groups of \($0)" } ?? "")
    }
    static let all =
      OperatorKind.distance.variants.flatMap { variant in
        VectorFormat.allCases.map { Case(variant: variant, format: $0) }
      } + [1, 8].map { Case(variant: .portable, format: .f16, workGroupLimit: $0) }
  }

  /// One context for all cases: a driver compiles each kernel once.
  static let context = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }

  /// What the device answered.
  struct Answer {
    /// Of every row, `[query][row]`.
    var scores: [[Float]]
    /// `[query][block]`
    var upper: [[Float]]
    var lower: [[Float]]
    /// `[query]`, the rows that may reach the threshold.
    var found: [Set<Int>]
    /// As the device keeps them.
    var rows: [[Float]]
    var bound: Double
  }

  /// - Parameters:
  ///   - excluded: for all queries, or for each, the rows that must not be found.
  ///   - k: where given, the first block's threshold for the k-th best holds for the whole pass.
  private func run(
    _ test: Case, _ vectors: [[Float]], _ queries: [[Float]], excluded: [Set<Int>] = [[]], k: Int? = nil
  ) throws -> Answer {
    let context = try Self.context.get()
    let queue = try context.queue
    let distance = try Distance(
      context: context, format: test.format, variant: test.variant, workGroupLimit: test.workGroupLimit)
    let dimension = vectors[0].count
    let stride = Distance.stride(dimension: dimension)
    let count = vectors.count
    let blocks = (count + 31) / 32
    // Packed backwards, so that a destination other than the own place is tried.
    let order = (0..<count).map { UInt32(count - 1 - $0) }
    let rows = try context.makeBuffer(UInt16.self, count: blocks * 32 * distance.wordsPerRow(dimension: dimension))
    let norms = try context.makeBuffer(Float.self, count: blocks * 32)
    try distance.pack(
      context.makeBuffer(Array(vectors.reversed().joined())), count: count, dimension: dimension,
      to: context.makeBuffer(order), of: rows, inverseNorms: norms)
    let units = try context.makeBuffer(
      queries.flatMap { Self.unit($0) + [Float](repeating: 0, count: stride - dimension) })

    let topK = try TopK(context: context)
    func scan(_ mask: [Set<Int>]) throws -> BlockScan {
      let scan = try topK.begin(
        queryCount: queries.count, blockCount: blocks, excluded: mask.flatMap { Self.words($0, count) })
      let middle = k == nil ? blocks / 2 : 1
      for part in [0..<middle, middle..<blocks] {
        try distance.scan(
          scan, .init(first: part.lowerBound, count: part.count, base: part.lowerBound), rows: rows,
          inverseNorms: norms, dimension: dimension, queries: units)
        if let k { try topK.raise(scan, blocks: part.upperBound, k: k) }
      }
      return scan
    }

    let all = try scan([[]])
    let list = try topK.collect(all, 0..<queries.count, counts: topK.candidateCounts(all))
    var scores = queries.map { _ in [Float](repeating: .infinity, count: count) }
    if k == nil {
      // Two buffers' worth of slots: each pass over the list leaves the other's alone.
      let listed = try context.makeBuffer([Float](repeating: -7, count: list.count))
      for (origin, capacity) in [(0, count / 2), (count / 2, count - count / 2)] {
        let part = try context.makeBuffer(
          Array(try queue.read(rows)[(origin * distance.wordsPerRow(dimension: dimension))...]))
        let partNorms = try context.makeBuffer(Array(try queue.read(norms)[origin...]))
        try distance.refine(
          list, origin: origin, capacity: capacity, rows: part, inverseNorms: partNorms, dimension: dimension,
          queries: units, into: listed)
      }
      let slots = try queue.read(list.slots, count: list.count)
      let owners = try queue.read(list.owners, count: list.count)
      #expect(list.count == count * queries.count)
      for (score, (slot, owner)) in zip(try queue.read(listed), zip(slots, owners)) {
        scores[Int(owner)][Int(slot)] = score
      }
    }

    let masked = try scan(excluded)
    let upper = try queue.read(masked.upper)
    let lower = try queue.read(masked.lower)
    let bits = try queue.read(masked.found)
    let gathered = try context.makeBuffer(Float.self, count: count * stride)
    let places = try context.makeBuffer(Array(order.reversed()))
    try distance.gather(places, of: rows, count: count, dimension: dimension, to: places, of: gathered)
    let flatRows = try queue.read(gathered)
    return Answer(
      scores: scores, upper: queries.indices.map { Array(upper[$0 * blocks..<($0 + 1) * blocks]) },
      lower: queries.indices.map { Array(lower[$0 * blocks..<($0 + 1) * blocks]) },
      found: queries.indices.map { q in
        Set((0..<blocks * 32).filter { bits[q * blocks + $0 / 32] >> UInt32($0 % 32) & 1 == 1 })
      },
      rows: (0..<count).map { Array(flatRows[$0 * stride..<$0 * stride + dimension]) },
      bound: Double(distance.errorBound(dimension: dimension)))
  }

  /// A mask of whole words: `excluded`, and what lies beyond `count`.
  static func words(_ excluded: Set<Int>, _ count: Int) -> [UInt32] {
    var words = [UInt32](repeating: 0, count: (count + 31) / 32)
    for row in 0..<words.count * 32 where row >= count || excluded.contains(row) {
      words[row / 32] |= 1 << UInt32(row % 32)
    }
    return words
  }

  static func unit(_ vector: [Float]) -> [Float] {
    let norm = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return vector.map { Float(Double($0) / norm) }
  }

  static func cosine(_ a: [Float], _ b: [Float]) -> Double {
    var dot = 0.0
    var aa = 0.0
    var bb = 0.0
    for (x, y) in zip(a, b) {
      dot += Double(x) * Double(y)
      aa += Double(x) * Double(x)
      bb += Double(y) * Double(y)
    }
    return dot / (aa.squareRoot() * bb.squareRoot())
  }

  private func check(_ test: Case, _ vectors: [[Float]], _ queries: [[Float]]) throws {
    let answer = try run(test, vectors, queries)
    for (row, vector) in zip(answer.rows, vectors) {
      #expect(row == (test.format == .f16 ? vector.map { Float(Float16($0)) } : vector))
    }
    for (q, query) in queries.enumerated() {
      let cosines = answer.rows.map { Self.cosine($0, query) }
      for (r, cosine) in cosines.enumerated() where abs(Double(answer.scores[q][r]) - cosine) > answer.bound {
        Issue.record("query \(q), row \(r): \(answer.scores[q][r]) is not \(cosine) ± \(answer.bound)")
      }
      for block in answer.upper[q].indices {
        let best = cosines[block * 32..<min(block * 32 + 32, cosines.count)].max() ?? 0
        let (lower, upper) = (Double(answer.lower[q][block]), Double(answer.upper[q][block]))
        #expect(lower <= best && best <= upper && upper - lower < 2.2 * answer.bound)
      }
    }
  }

  @Test("scores lie within the stated bound of double precision, on ordinary and ragged shapes", arguments: Case.all)
  func ordinary(_ test: Case) throws {
    var random = SplitMix(seed: 1)
    for (count, queries, dimension) in [
      (1, 1, 1), (7, 3, 7), (50, 4, 50), (65, 5, 96), (64, 1, 768), (129, 9, 100), (3, 64, 16),
    ] {
      try check(
        test, (0..<count).map { _ in random.vector(dimension) }, (0..<queries).map { _ in random.vector(dimension) })
    }
  }

  @Test("the bound holds for large, small, equal and nearly opposite elements", arguments: Case.all)
  func hostile(_ test: Case) throws {
    let d = 200
    let alternating = (0..<d).map { Float($0 % 2 == 0 ? 1 : -1) }
    let vectors: [[Float]] = [
      [Float](repeating: 1, count: d),
      [Float](repeating: 30_000, count: d),
      [Float](repeating: 0x1p-9, count: d),
      // Halves below 2^-14 are denormal.
      [1] + [Float](repeating: 0x1p-20, count: d - 1),
      alternating,
      [Float](repeating: 0, count: d - 1) + [1],
    ]
    let queries: [[Float]] = [
      [Float](repeating: 1, count: d),
      [Float](repeating: 0x1p-140, count: d),
      [Float](repeating: 1e38, count: d),
      alternating.map { $0 * 1.0001 },
      [1] + [Float](repeating: 0, count: d - 1),
    ]
    try check(test, vectors, queries)
  }

  @Test("a NaN in a vector shows in every score of it, and makes it a candidate", arguments: Case.all)
  func notANumber(_ test: Case) throws {
    var random = SplitMix(seed: 2)
    var vectors = (0..<47).map { _ in random.vector(33) }
    vectors[3][32] = .nan
    let queries = (0..<7).map { _ in random.vector(33) }
    for k in [nil, 1] {
      let answer = try run(test, vectors, queries, k: k)
      for line in answer.scores where k == nil { #expect(line.indices.filter { line[$0].isNaN } == [3]) }
      #expect(answer.upper.allSatisfy { $0[0] == .infinity && $0[1] < 2 })
      #expect(answer.lower.allSatisfy { $0[0] == -4 && $0[1] > -2 })
      #expect(answer.found.allSatisfy { $0.contains(3) })
    }
  }

  @Test("excluded rows are in no bound and are no candidates, for each query by its own mask", arguments: Case.all)
  func masks(_ test: Case) throws {
    var random = SplitMix(seed: 5)
    let vectors = (0..<150).map { _ in random.vector(40) }
    let queries = (0..<9).map { _ in random.vector(40) }
    let all = Set(vectors.indices)
    let own = queries.indices.map { q in all.filter { $0 % 3 == q % 3 || ($0 / 32 == 2 && q != 4) } }
    for excluded in [own, [own[0]], [all], [[]]] {
      let answer = try run(test, vectors, queries, excluded: excluded)
      for (q, query) in queries.enumerated() {
        let kept = all.subtracting(excluded[excluded.count == 1 ? 0 : q])
        #expect(answer.found[q] == kept)
        for block in 0..<5 {
          let best = kept.filter { $0 / 32 == block }.map { Self.cosine(answer.rows[$0], query) }.max()
          let (lower, upper) = (Double(answer.lower[q][block]), Double(answer.upper[q][block]))
          if let best { #expect(lower <= best && best <= upper) } else { #expect(upper < -3 && lower < -3) }
        }
      }
    }
  }

  @Test("once a threshold is known, the rows that may reach it are found, and few else", arguments: Case.all)
  func threshold(_ test: Case) throws {
    var random = SplitMix(seed: 6)
    let vectors = (0..<320).map { _ in random.vector(50) }
    let queries = (0..<8).map { _ in random.vector(50) }
    let answer = try run(test, vectors, queries, k: 1)
    for (q, query) in queries.enumerated() {
      let cosines = answer.rows.map { Self.cosine($0, query) }
      let known = cosines[..<32].max() ?? 0
      let later = (32..<320).filter { cosines[$0] >= known - 3 * answer.bound }
      #expect(answer.found[q].isSuperset(of: (32..<320).filter { cosines[$0] >= known }))
      #expect(answer.found[q].subtracting(0..<32).isSubset(of: later))
    }
  }

  @Test("a score does not depend on how many queries ran together", arguments: Case.all)
  func batch(_ test: Case) throws {
    var random = SplitMix(seed: 3)
    let vectors = (0..<90).map { _ in random.vector(70) }
    let queries = (0..<8).map { _ in random.vector(70) }
    let together = try run(test, vectors, queries)
    for (q, query) in queries.enumerated() {
      let alone = try run(test, vectors, [query])
      #expect(alone.scores[0] == together.scores[q])
    }
  }
}

/// A small generator with a seed (Steele, Lea and Flood, 2014): the same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Numbers in -1…1.
  mutating func vector(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }
  }
}
