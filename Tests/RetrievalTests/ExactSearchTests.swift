import Foundation
import OpenCL
import Operators
import Testing

@testable import Retrieval

@DeviceActor
@Suite("Exact search equals a double-precision search over the resident vectors, order included")
struct ExactSearchTests {
  nonisolated static let formats = VectorFormat.allCases

  /// Asks each query alone and all together, and compares both with the truth.
  private func check(
    _ items: [NewItem], _ queries: [[Float]], ks: [Int], _ format: VectorFormat,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let directory = try TemporaryDirectory()
    let dimension = queries[0].count
    let archive = try await Fixture.archive(directory, dimension: dimension, vectors: format)
    for start in stride(from: 0, to: items.count, by: 4096) {
      _ = try await archive.add(Array(items[start..<min(start + 4096, items.count)]), to: "c", onConflict: .error)
    }
    let truth = BruteForce(items, format)
    for k in ks {
      let together = try await archive.search("c", queries: queries.map { Query(.embedding($0)) }, k: k)
      #expect(together.results.count == queries.count)
      #expect(together.searched == items.count)
      for (query, result) in zip(queries, together.results) {
        let expected = truth.search(query, k: k)
        expect(try result.get(), equals: expected, "k \(k), together", sourceLocation: sourceLocation)
        let alone = try await archive.search("c", queries: [Query(.embedding(query))], k: k)
        expect(try alone.only(), equals: expected, "k \(k), alone", sourceLocation: sourceLocation)
      }
    }
  }

  @Test("ordinary vectors, ragged counts and dimensions, k beyond the count", arguments: formats)
  func ordinary(_ format: VectorFormat) async throws {
    for (count, dimension) in [(1, 1), (7, 3), (50, 100), (1_500, 33)] {
      var random = SplitMix(seed: 7)
      try await check(
        Fixture.items(count, dimension: dimension), (0..<3).map { _ in random.vector(dimension) }, ks: [1, 10, 1000],
        format)
    }
  }

  @Test("duplicates come in the order of insertion", arguments: formats)
  func duplicates(_ format: VectorFormat) async throws {
    var random = SplitMix(seed: 8)
    let vectors = (0..<5).map { _ in random.vector(48) }
    let items = (0..<600).map { Fixture.item("\($0)", vectors[$0 * 7 % 5]) }
    try await check(items, [vectors[2], random.vector(48)], ks: [1, 10, 130, 1000], format)
  }

  @Test("near ties one step of half precision apart are told apart", arguments: formats)
  func nearTies(_ format: VectorFormat) async throws {
    var random = SplitMix(seed: 9)
    let base = random.vector(64).map { Float(Float16($0)) }
    let items = (0..<800).map { index -> NewItem in
      var vector = base
      let place = Int(random.next() % 64)
      let value = Float16(vector[place])
      vector[place] = Float(random.next() % 2 == 0 ? value.nextUp : value.nextDown)
      return Fixture.item("\(index)", vector)
    }
    try await check(items, [base, random.vector(64)], ks: [1, 10, 300], format)
  }

  @Test("scores closer together than single precision can tell are chosen and ordered by double", arguments: formats)
  func belowSinglePrecision(_ format: VectorFormat) async throws {
    var random = SplitMix(seed: 14)
    let base = random.vector(768).map { Float(Float16($0)) }
    let noise = random.vector(768)
    // Cosine about 0.99, where a float's step is 6e-8; the items' scores lie some 1e-10 apart.
    let query = zip(base, noise).map { $0 + 0.14 * $1 }
    let items = (0..<2_000).map { index -> NewItem in
      var vector = base
      let place = Int(random.next() % 768)
      let value = Float16(vector[place])
      vector[place] = Float(random.next() % 2 == 0 ? value.nextUp : value.nextDown)
      return Fixture.item("\(index)", vector)
    }
    try await check(items, [query], ks: [1, 10, 100, 500], format)
  }

  @Test("more near ties than the device's candidate buffer holds lose none")
  func crowd() async throws {
    var random = SplitMix(seed: 10)
    let base = random.vector(16)
    // All within the first pass's error of each other; the best is the last one added.
    let items = (0..<9_000).map { index -> NewItem in
      var vector = base
      vector[index % 16] += Float(Float16(vector[index % 16]).ulp) * (index == 8_999 ? 0 : 1)
      return Fixture.item("\(index)", vector)
    }
    try await check(items, [base], ks: [10], .f16)
  }

  @Test("lengths from 2^-140 to 2^120 do not matter", arguments: formats)
  func lengths(_ format: VectorFormat) async throws {
    var random = SplitMix(seed: 11)
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory, dimension: 20, vectors: format)
    let vectors = (0..<40).map { _ in random.vector(20).map { Float(Float16($0)) } }
    let scales: [Float] = [0x1p120, 0x1p20, 1, 0x1p-20, 0x1p-110]
    let items = vectors.enumerated().map { index, vector in
      Fixture.item("\(index)", vector.map { $0 * scales[index % scales.count] })
    }
    _ = try await archive.add(items, to: "c", onConflict: .error)
    let query = random.vector(20)
    let truth = BruteForce(vectors.enumerated().map { Fixture.item("\($0)", $1) }, .f32).search(query, k: 40)
    for scale in [1, 0x1p-100, 0x1p100] as [Float] {
      let answer = try await archive.search("c", queries: [Query(.embedding(query.map { $0 * scale }))], k: 40).only()
      #expect(answer.neighbours.map(\.item.description.id) == truth.map(\.id))
      for (neighbour, expected) in zip(answer.neighbours, truth) {
        #expect(abs(neighbour.score - expected.score) < 1e-3)
      }
    }
    // What was given is kept bit by bit.
    #expect(try await archive.get(ids: ["0"], in: "c", include: .embedding)[0]?.embedding == items[0].embedding)
    // A vector of denormals is a direction like any other.
    let tiny = [Float](repeating: 0x1p-140, count: 20)
    #expect(try await archive.add([Fixture.item("tiny", tiny)], to: "c", onConflict: .error) == [.stored])
    let ones = [Float](repeating: 1, count: 20)
    #expect(
      try await archive.search("c", queries: [Query(.embedding(ones))], k: 1).only().neighbours[0].score == 1)
  }

  @Test("one query alone and among 64 over 100,000 rows, after a restart too", .timeLimit(.minutes(2)))
  func many() async throws {
    let directory = try TemporaryDirectory()
    var random = SplitMix(seed: 12)
    let items = Fixture.items(100_000, dimension: 32, seed: 13)
    let queries = (0..<64).map { _ in random.vector(32) }
    let truth = BruteForce(items)
    let checked = [0, 31, 63]
    let expected = checked.map { truth.search(queries[$0], k: 10) }
    do {
      let archive = try await Fixture.archive(directory, dimension: 32)
      for start in stride(from: 0, to: items.count, by: 4096) {
        _ = try await archive.add(Array(items[start..<min(start + 4096, items.count)]), to: "c", onConflict: .error)
      }
      let together = try await archive.search("c", queries: queries.map { Query(.embedding($0)) }, k: 10)
      for (query, expected) in zip(checked, expected) {
        expect(try together.results[query].get(), equals: expected)
        let alone = try await archive.search("c", queries: [Query(.embedding(queries[query]))], k: 10)
        #expect(try alone.only() == together.results[query].get())
      }
      await archive.close()
    }
    let archive = try await Fixture.open(directory)
    let answer = try await archive.search("c", queries: [Query(.embedding(queries[0]))], k: 10)
    expect(try answer.only(), equals: expected[0])
    #expect(answer.searched == 100_000)
  }

  @Test("an empty collection answers with nothing")
  func empty() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    let answer = try await archive.search("c", queries: [Query(.embedding([Float](repeating: 1, count: 16)))], k: 10)
    #expect(try answer.only().neighbours.isEmpty)
    #expect(answer.searched == 0)
    let distinct = try await archive.search(
      "c", queries: [Query(.embedding([Float](repeating: 1, count: 16)))], k: 10, distinct: .slide)
    #expect(try distinct.only().neighbours.isEmpty)
  }

  @Test("a query that is zero, not finite or of another length fails alone")
  func unusable() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    _ = try await archive.add(Fixture.items(3), to: "c", onConflict: .error)
    var nan = [Float](repeating: 1, count: 16)
    nan[15] = .nan
    let queries: [[Float]] = [
      [Float](repeating: 0, count: 16), nan, [Float](repeating: .infinity, count: 16), [1, 2], [],
      [Float](repeating: 1, count: 16),
    ]
    let answer = try await archive.search("c", queries: queries.map { Query(.embedding($0)) }, k: 2)
    for result in answer.results.prefix(3) {
      guard case .failure(.invalid) = result else {
        Issue.record("\(result)")
        continue
      }
    }
    #expect(throws: ArchiveError.dimensionMismatch(collection: "c", expected: 16, found: 2)) {
      try answer.results[3].get()
    }
    #expect(throws: ArchiveError.dimensionMismatch(collection: "c", expected: 16, found: 0)) {
      try answer.results[4].get()
    }
    #expect(try answer.results[5].get().neighbours.count == 2)
    for k in [0, -1, 1001] {
      await #expect(throws: ArchiveError.self) {
        try await archive.search("c", queries: [Query(.embedding(queries[5]))], k: k)
      }
    }
  }
}
