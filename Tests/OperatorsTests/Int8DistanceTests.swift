import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("The first pass over 8-bit codes loses no row that double precision would choose")
struct Int8DistanceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var variant: Variant
    var format: VectorFormat
    var testDescription: String { "\(variant.rawValue), \(format.rawValue)" }
    static let all = [Variant.portable, .packed].flatMap { variant in
      VectorFormat.allCases.map { Case(variant: variant, format: $0) }
    }
  }

  /// Looks at all vectors for all queries, raises the thresholds and looks again; fails unless every block's best cosine
  /// lies within its bounds and every row that reaches the true k-th best cosine is found.
  ///
  /// - Returns: how many rows were found for each query.
  @discardableResult
  private func check(
    _ test: Case, _ vectors: [[Float]], _ queries: [[Float]], k: Int = 3, excluded: [Set<Int>] = [[]],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [Int] {
    let context = try DistanceTests.context.get()
    let queue = try context.queue
    let distance = try Distance(context: context, format: test.format)
    let int8 = try Int8Distance(context: context, format: test.format, variant: test.variant)
    let topK = try TopK(context: context)
    let dimension = vectors[0].count
    let count = vectors.count
    let blocks = (count + 31) / 32
    // A block lies in front that no one asks for.
    let capacity = (blocks + 1) * 32
    let rows = try context.makeBuffer(UInt16.self, count: capacity * distance.wordsPerRow(dimension: dimension))
    let norms = try context.makeBuffer(Float.self, count: capacity)
    let slots = try context.makeBuffer((0..<count).map { UInt32($0 + 32) })
    try distance.pack(
      context.makeBuffer(vectors.flatMap(\.self)), count: count, dimension: dimension, to: slots, of: rows,
      inverseNorms: norms)
    let codes = try Int8Distance.Codes(context: context, rows: capacity, dimension: dimension)
    try int8.pack(slots, count: count, of: rows, inverseNorms: norms, dimension: dimension, into: codes)
    let buffers = Int8Distance.QueryBuffers(context: context)
    let units = queries.map { query -> [Double] in
      let length = query.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      return query.map { Double($0) / length }
    }
    try int8.write(Int8Distance.Queries(units), to: buffers)
    let scan = try topK.begin(
      queryCount: queries.count, blockCount: blocks, excluded: excluded.flatMap { DistanceTests.words($0, count) })
    func look(_ part: Range<Int>) throws {
      try int8.scan(
        scan, .init(first: part.lowerBound + 1, count: part.count, base: part.lowerBound), codes: codes,
        dimension: dimension, queries: buffers)
    }
    try look(0..<blocks / 2)
    try look(blocks / 2..<blocks)
    try topK.raise(scan, blocks: blocks, k: k)
    let upper = try queue.read(scan.upper, count: queries.count * blocks)
    let lower = try queue.read(scan.lower, count: queries.count * blocks)
    try look(0..<blocks)
    let found = try queue.read(scan.found, count: queries.count * blocks)

    let resident = vectors.map { test.format == .f16 ? $0.map { Float(Float16($0)) } : $0 }
    for (q, query) in queries.enumerated() {
      let mask = excluded[excluded.count == 1 ? 0 : q]
      let cosines = resident.indices.map { mask.contains($0) ? -9 : DistanceTests.cosine(resident[$0], query) }
      for block in 0..<blocks {
        let best = cosines[block * 32..<min(block * 32 + 32, count)].max() ?? -9
        let place = q * blocks + block
        if best == -9 {
          #expect(upper[place] == -4 && lower[place] <= -4, sourceLocation: sourceLocation)
        } else if !(Double(lower[place]) <= best && best <= Double(upper[place])) {
          Issue.record(
            "query \(q), block \(block): \(best) is not in \(lower[place])…\(upper[place])",
            sourceLocation: sourceLocation)
        }
      }
      let kept = cosines.filter { $0 > -9 }.sorted(by: >)
      let kth = kept.count >= k ? kept[k - 1] : -2
      for row in resident.indices {
        let isFound = found[q * blocks + row / 32] >> UInt32(row % 32) & 1 == 1
        if mask.contains(row) { #expect(!isFound, sourceLocation: sourceLocation) }
        if cosines[row] >= kth, !isFound {
          Issue.record("query \(q) lost row \(row), \(cosines[row]) of \(kth)", sourceLocation: sourceLocation)
        }
      }
    }
    return queries.indices.map { q in
      found[q * blocks..<(q + 1) * blocks].reduce(0) { $0 + $1.nonzeroBitCount }
    }
  }

  @Test("ordinary vectors, ragged counts and dimensions, one query and many", arguments: Case.all)
  func ordinary(_ test: Case) throws {
    var random = SplitMix(seed: 31)
    for (count, queries, dimension) in [
      (1, 1, 1), (7, 3, 7), (50, 8, 50), (65, 9, 96), (64, 1, 768), (333, 17, 100), (40, 64, 16),
    ] {
      try check(
        test, (0..<count).map { _ in random.vector(dimension) }, (0..<queries).map { _ in random.vector(dimension) })
    }
  }

  @Test("the bounds are close: few rows stay candidates", arguments: Case.all)
  func close(_ test: Case) throws {
    var random = SplitMix(seed: 32)
    let vectors = (0..<3_000).map { _ in random.vector(768) }
    let near = vectors.prefix(4).map { vector in zip(vector, random.vector(768)).map { $0 + 0.5 * $1 } }
    // Its neighbour stands alone: nothing else comes near.
    for found in try check(test, vectors, near, k: 1) { #expect(found == 1) }
  }

  @Test("equal rows, near ties, opposite rows", arguments: Case.all)
  func ties(_ test: Case) throws {
    var random = SplitMix(seed: 33)
    let base = random.vector(64).map { Float(Float16($0)) }
    let equal = [[Float]](repeating: base, count: 100)
    let steps = (0..<200).map { index -> [Float] in
      var vector = base
      let value = Float16(vector[index % 64])
      vector[index % 64] = Float(index % 2 == 0 ? value.nextUp : value.nextDown)
      return vector
    }
    let flips = (0..<100).map { index in base.map { index % 2 == 0 ? $0 : -$0 } }
    let queries = [base, base.map { -$0 }, random.vector(64)]
    #expect(try check(test, equal, queries) == [100, 100, 100])
    try check(test, steps, queries, k: 10)
    try check(test, flips, queries, k: 60)
    try check(test, equal + steps + flips, queries, k: 150)
  }

  @Test("one huge element, elements of all sizes, only zeros beside one", arguments: Case.all)
  func sizes(_ test: Case) throws {
    var random = SplitMix(seed: 34)
    let d = 80
    var vectors = (0..<70).map { index -> [Float] in
      var vector = random.vector(d).map { $0 * 0x1p-8 }
      vector[index % d] = index % 2 == 0 ? 30_000 : -1
      return vector
    }
    vectors += (0..<d).map { place in (0..<d).map { $0 == place ? 1 : 0 } }
    vectors += (0..<20).map { shift in (0..<d).map { Float(sign: .plus, exponent: -($0 + shift) % 14, significand: 1) }
    }
    vectors.append([1] + [Float](repeating: 0x1p-20, count: d - 1))
    let queries =
      [vectors[0], vectors[75], vectors[155], random.vector(d), [Float](repeating: 1, count: d)]
      + [[1e38] + [Float](repeating: 1e30, count: d - 1), [Float](repeating: 0x1p-140, count: d)]
    try check(test, vectors, queries)
  }

  @Test("rows built to have the largest error, and queries that lie along it", arguments: Case.all)
  func worst(_ test: Case) throws {
    var random = SplitMix(seed: 35)
    let d = 256
    // In steps of 1/127 of the largest: half a step off, by the sign of the query or against it.
    let vectors = (0..<128).map { index -> [Float] in
      (0..<d).map { i in
        if i == 0 { return 127.0 / 128 }
        let code = Float(Int(random.next() % 16)) - 8
        return (code + (index % 2 == 0 ? 0.5 : -0.5) + (i % 2 == 0 ? 0.01 : -0.01)) / 128
      }
    }
    let along = [Float](repeating: 1, count: d)
    let queries = [along, along.map { -$0 }, (0..<d).map { $0 % 2 == 0 ? 1 : -1 }, vectors[0], vectors[1]]
    for k in [1, 5, 100] { try check(test, vectors, queries, k: k) }
  }

  @Test("excluded rows are in no bound and are not found", arguments: Case.all)
  func masks(_ test: Case) throws {
    var random = SplitMix(seed: 36)
    let vectors = (0..<150).map { _ in random.vector(40) }
    let queries = (0..<9).map { _ in random.vector(40) }
    let own = queries.indices.map { q in Set(vectors.indices.filter { $0 % 3 == q % 3 || $0 / 32 == 2 }) }
    for excluded in [own, [own[0]], [Set(vectors.indices)]] { try check(test, vectors, queries, excluded: excluded) }
  }

  @Test("a vector that is not a number stays a candidate of every query")
  func notANumber() throws {
    var random = SplitMix(seed: 37)
    let context = try DistanceTests.context.get()
    for test in Case.all {
      let distance = try Distance(context: context, format: test.format)
      let int8 = try Int8Distance(context: context, format: test.format, variant: test.variant)
      let topK = try TopK(context: context)
      var vectors = (0..<64).map { _ in random.vector(20) }
      vectors[40][7] = .nan
      let rows = try context.makeBuffer(UInt16.self, count: 64 * distance.wordsPerRow(dimension: 20))
      let norms = try context.makeBuffer(Float.self, count: 64)
      let slots = try context.makeBuffer((0..<64).map(UInt32.init))
      try distance.pack(
        context.makeBuffer(vectors.flatMap(\.self)), count: 64, dimension: 20, to: slots, of: rows, inverseNorms: norms)
      let codes = try Int8Distance.Codes(context: context, rows: 64, dimension: 20)
      try int8.pack(slots, count: 64, of: rows, inverseNorms: norms, dimension: 20, into: codes)
      let buffers = Int8Distance.QueryBuffers(context: context)
      try int8.write(Int8Distance.Queries([[1.0] + [Double](repeating: 0, count: 19)]), to: buffers)
      let scan = try topK.begin(queryCount: 1, blockCount: 2, excluded: [0, 0])
      for _ in 0..<2 {
        try int8.scan(scan, .init(first: 0, count: 2, base: 0), codes: codes, dimension: 20, queries: buffers)
        try topK.raise(scan, blocks: 1, k: 1)
      }
      let found = try context.queue.read(scan.found)
      #expect(found[1] >> 8 & 1 == 1)
      let lower = try context.queue.read(scan.lower)
      #expect(lower[1] < -2)
    }
  }
}
