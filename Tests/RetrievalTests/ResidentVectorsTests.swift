import OpenCL
import Operators
import Testing

@testable import Retrieval

@DeviceActor
@Suite("Resident vectors without a store")
struct ResidentVectorsTests {
  /// A way to the answer: which kernels look at the rows first.
  enum Path: String, Sendable, CaseIterable {
    case preferred
    case withoutCodes
    case portable

    @DeviceActor
    func variants() throws -> Variants {
      var variants = Variants.preferred(for: try Fixture.context.get().device)
      switch self {
      case .preferred: break
      case .withoutCodes: variants[.distanceInt8] = .portable
      case .portable: variants = .portable
      }
      return variants
    }
  }

  /// Fails unless each query, alone and among all, finds what double precision finds, order and scores included.
  private func check(
    _ vectors: [[Float]], _ queries: [[Float]], ks: [Int], _ path: Path,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let resident = try ResidentVectors(
      dimension: vectors[0].count, context: Fixture.context.get(), variants: path.variants())
    for start in stride(from: 0, to: vectors.count, by: 3_000) {
      try resident.append(Array(vectors[start..<min(start + 3_000, vectors.count)].joined()))
    }
    let truth = BruteForce(vectors.enumerated().map { Fixture.item("\($0)", $1) })
    for k in ks {
      for (query, found) in zip(queries, try resident.nearest(queries, k: k)) {
        let expected = truth.search(query, k: k)
        #expect(found.map { "\($0.position)" } == expected.map(\.id), "k \(k)", sourceLocation: sourceLocation)
        #expect(found.map { min(1, max(-1, $0.score)) } == expected.map(\.score), sourceLocation: sourceLocation)
        #expect(try resident.nearest([query], k: k) == [found], "k \(k), alone", sourceLocation: sourceLocation)
      }
    }
  }

  @Test("every path finds the same: 9 queries and one, k from 1 to beyond the count", arguments: Path.allCases)
  func paths(_ path: Path) throws {
    var random = SplitMix(seed: 23)
    try check(
      (0..<7_000).map { _ in random.vector(48) }, (0..<9).map { _ in random.vector(48) }, ks: [1, 10, 1000], path)
    try check((0..<70).map { _ in random.vector(100) }, (0..<9).map { _ in random.vector(100) }, ks: [1, 70, 99], path)
  }

  @Test("rows that no first look can tell apart are told apart", arguments: Path.allCases)
  func alike(_ path: Path) throws {
    var random = SplitMix(seed: 24)
    let base = random.vector(64).map { Float(Float16($0)) }
    // One step of half precision in one place; every tenth is the same as others; some point the other way.
    let vectors = (0..<4_000).map { index -> [Float] in
      var vector = base
      let place = Int(random.next() % 64)
      let value = Float16(vector[place])
      if index % 10 != 0 { vector[place] = Float(random.next() % 2 == 0 ? value.nextUp : value.nextDown) }
      return index % 17 == 0 ? vector.map { -$0 } : vector
    }
    try check(vectors, [base, base.map { -$0 }, random.vector(64)], ks: [1, 10, 500], path)
  }

  @Test("rows whose codes are as far off as codes can be", arguments: Path.allCases)
  func coarse(_ path: Path) throws {
    var random = SplitMix(seed: 25)
    let d = 96
    let vectors = (0..<3_000).map { index -> [Float] in
      // One huge element makes steps of 1/127 of it: the rest lies half a step off, or vanishes.
      (0..<d).map { place in
        if place == index % 3 { return 1 }
        let step = Float(1) / 127
        return index % 2 == 0
          ? (Float(Int(random.next() % 5)) - 2.5) * step : random.vector(1)[0] * step * 0.49
      }
    }
    let along = (0..<d).map { Float($0 < 3 ? 0.5 : 1) }
    let queries = [along, along.map { -$0 }, vectors[7], vectors[8], random.vector(d)]
    try check(vectors, queries, ks: [1, 10, 300], path)
  }

  @Test("the search equals a double-precision one, blocks of any size added", arguments: VectorFormat.allCases)
  func search(_ format: VectorFormat) throws {
    let items = Fixture.items(3_000, dimension: 40, seed: 21)
    let resident = try ResidentVectors(dimension: 40, context: Fixture.context.get(), vectors: format)
    var rest = items[...]
    for size in [1, 31, 1_000, 1_968] {
      try resident.append(rest.prefix(size).flatMap(\.embedding))
      rest = rest.dropFirst(size)
    }
    #expect(resident.count == 3_000)
    #expect(resident.bytes >= 3_000 * 40 * format.bytesPerElement)
    let truth = BruteForce(items, format)
    var random = SplitMix(seed: 22)
    let queries = (0..<5).map { _ in random.vector(40) }
    for (query, found) in zip(queries, try resident.nearest(queries, k: 12)) {
      let expected = truth.search(query, k: 12)
      #expect(found.map { "\($0.position)" } == expected.map(\.id))
      #expect(found.map(\.score) == expected.map(\.score))
    }
  }

  @Test("what is no vector is an error and changes nothing")
  func unusable() throws {
    let resident = try ResidentVectors(dimension: 4, context: Fixture.context.get())
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3]) }
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3, 4, 0, 0, 0, 0]) }
    #expect(throws: OpenCLError.self) { try resident.append([1, 2, 3, .nan]) }
    #expect(resident.count == 0)
    try resident.append([1, 2, 3, 4])
    #expect(throws: OpenCLError.self) { try resident.nearest([[1, 2, 3]], k: 1) }
    #expect(throws: OpenCLError.self) { try resident.nearest([[0, 0, 0, 0]], k: 1) }
    #expect(try resident.nearest([[1, 2, 3, 4]], k: 9) == [[.init(position: 0, score: 1)]])
  }
}
