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

  /// What the device answered for `vectors` and `queries`, with the rows as it keeps them.
  private func run(
    _ test: Case, _ vectors: [[Float]], _ queries: [[Float]]
  ) throws -> (scores: [[Float]], rows: [[Float]], bound: Double) {
    let context = try Self.context.get()
    let queue = try context.queue
    let distance = try Distance(
      context: context, format: test.format, variant: test.variant, workGroupLimit: test.workGroupLimit)
    let dimension = vectors[0].count
    let stride = Distance.stride(dimension: dimension)
    let count = vectors.count
    // Packed backwards, so that a destination other than the own place is tried.
    let order = (0..<count).map { UInt32(count - 1 - $0) }
    let rows = try context.makeBuffer(UInt16.self, count: count * distance.wordsPerRow(dimension: dimension))
    let norms = try context.makeBuffer(Float.self, count: count)
    try distance.pack(
      context.makeBuffer(vectors.flatMap { $0 }), count: count, dimension: dimension, to: context.makeBuffer(order),
      of: rows, inverseNorms: norms)
    let padded = queries.flatMap { Self.unit($0) + [Float](repeating: 0, count: stride - dimension) }
    // Two floats before and one behind each query's scores must stay as they are.
    let scoreStride = count + 3
    let scores = try context.makeBuffer([Float](repeating: -7, count: queries.count * scoreStride))
    try distance.score(
      rows: rows, inverseNorms: norms, count: count, dimension: dimension, queries: context.makeBuffer(padded),
      queryCount: queries.count, into: scores, scoreStride: scoreStride, scoreBase: 2)
    let gathered = try context.makeBuffer(Float.self, count: count * stride)
    try distance.gather(
      context.makeBuffer(order), of: rows, count: count, dimension: dimension,
      to: context.makeBuffer((0..<count).map(UInt32.init)), of: gathered)

    let flat = try queue.read(scores)
    let found = queries.indices.map { q in Array(flat[q * scoreStride..<(q + 1) * scoreStride]) }
    for line in found { #expect(line[0] == -7 && line[1] == -7 && line[count + 2] == -7) }
    let flatRows = try queue.read(gathered)
    return (
      found.map { line in (0..<count).map { line[2 + count - 1 - $0] } },
      (0..<count).map { Array(flatRows[$0 * stride..<$0 * stride + dimension]) },
      Double(distance.errorBound(dimension: dimension))
    )
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
    let (scores, rows, bound) = try run(test, vectors, queries)
    for (row, vector) in zip(rows, vectors) {
      #expect(row == (test.format == .f16 ? vector.map { Float(Float16($0)) } : vector))
    }
    for (q, query) in queries.enumerated() {
      for (r, row) in rows.enumerated() where abs(Double(scores[q][r]) - Self.cosine(row, query)) > bound {
        Issue.record("query \(q), row \(r): \(scores[q][r]) is not \(Self.cosine(row, query)) ± \(bound)")
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

  @Test("a NaN in a vector shows in every score of it and in its norm", arguments: Case.all)
  func notANumber(_ test: Case) throws {
    var random = SplitMix(seed: 2)
    var vectors = (0..<7).map { _ in random.vector(33) }
    vectors[3][32] = .nan
    let (scores, _, _) = try run(test, vectors, [random.vector(33), random.vector(33)])
    for line in scores { #expect(line.map(\.isNaN) == [false, false, false, true, false, false, false]) }
  }

  @Test("a score does not depend on how many queries ran together", arguments: Case.all)
  func batch(_ test: Case) throws {
    var random = SplitMix(seed: 3)
    let vectors = (0..<90).map { _ in random.vector(70) }
    let queries = (0..<6).map { _ in random.vector(70) }
    let together = try run(test, vectors, queries).scores
    for (query, line) in zip(queries, together) { #expect(try run(test, vectors, [query]).scores[0] == line) }
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
