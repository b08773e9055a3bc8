import Foundation
import OpenCL
import Testing

@testable import Retrieval

@DeviceActor
@Suite("Filters and exclusions act before the choice of the best")
struct MaskTests {
  private static let dimension = 24

  /// 6,000 items: slides of 40, patients of 3 slides, every seventh without a patient, labels of thirds.
  private static let items: [NewItem] = {
    var random = SplitMix(seed: 3)
    return (0..<6_000).map { (index: Int) -> NewItem in
      let patient: String? = index % 7 == 0 ? nil : "P\(index / 120)"
      let metadata: [String: MetadataValue]? =
        index % 100 == 0 ? ["rare": .boolean(true), "n": .integer(Int64(index))] : nil
      return Fixture.item(
        "\(index)", random.vector(dimension), label: "L\(index % 3)", slide: "S\(index / 40)", patient: patient,
        metadata: metadata)
    }
  }()
  private static let truth = BruteForce(items)

  private func archive() async throws -> Archive {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory, dimension: Self.dimension)
    _ = try await archive.add(Array(Self.items[..<4_000]), to: "c", onConflict: .error)
    _ = try await archive.add(Array(Self.items[4_000...]), to: "c", onConflict: .error)
    return archive
  }

  private func queries(_ count: Int) -> [[Float]] {
    var random = SplitMix(seed: 4)
    return (0..<count).map { _ in random.vector(Self.dimension) }
  }

  @Test("filter and exclude, by fields and metadata, leave exactly the best of the rest")
  func filters() async throws {
    let archive = try await archive()
    let item = { (index: Int) in Self.items[index].description }
    let cases: [(Filter?, Filter?, (Int) -> Bool)] = [
      (Filter(fields: [.label: ["L1"]]), nil, { $0 % 3 == 1 }),
      (
        Filter(fields: [.label: ["L1", "L2", "?"], .slide: ["S5", "S6"]]), nil,
        { $0 % 3 != 0 && (200..<280).contains($0) }
      ),
      (Filter(fields: [.slide: ["S149"]]), nil, { $0 >= 5_960 }),
      (Filter(fields: [.slide: ["nowhere"]]), nil, { _ in false }),
      (nil, Filter(fields: [.label: ["L1", "L2"]]), { $0 % 3 == 0 }),
      (nil, Filter(fields: [.label: ["L1"], .slide: ["S0"]]), { $0 % 3 != 1 && $0 >= 40 }),
      (Filter(metadata: ["rare": [.boolean(true)]]), nil, { $0 % 100 == 0 }),
      (
        Filter(fields: [.label: ["L0"]], metadata: ["rare": [.boolean(true)]]), nil,
        { $0 % 100 == 0 && $0 % 3 == 0 }
      ),
      (
        Filter(metadata: ["rare": [.boolean(true)]]), Filter(metadata: ["n": [.integer(0), .integer(500)]]),
        { $0 % 100 == 0 && $0 != 0 && $0 != 500 }
      ),
      // As many values as a filter may list.
      (Filter(metadata: ["n": (0..<1000).map { .integer($0) }]), nil, { $0 < 1000 && item($0).metadata?["n"] != nil }),
      (
        Filter(fields: [.patient: ["P3"]]), Filter(fields: [.slide: ["S9"]], metadata: ["n": [.number(400)]]),
        { item($0).patient == "P3" && item($0).slide != "S9" && $0 != 400 }
      ),
    ]
    for (number, (filter, exclude, isKept)) in cases.enumerated() {
      let queries = queries(3)
      let answer = try await archive.search(
        "c", queries: queries.map { Query(.embedding($0)) }, k: 10, filter: filter, exclude: exclude)
      #expect(answer.searched == Self.items.indices.count(where: isKept), "case \(number)")
      for (query, result) in zip(queries, answer.results) {
        expect(try result.get(), equals: Self.truth.search(query, k: 10, where: isKept), "case \(number)")
      }
    }
  }

  @Test("a stored query is never its own neighbour, and brings its own case")
  func storedQueries() async throws {
    let archive = try await archive()
    let answer = try await archive.search("c", queries: ["17", "17", "nobody", "77"].map { Query(.id($0)) }, k: 10)
    for index in [17, 77] {
      let result = try answer.results[index == 17 ? 0 : 3].get()
      expect(result, equals: Self.truth.search(Self.items[index].embedding, k: 10) { $0 != index })
      #expect(result.searched == 5_999)
    }
    #expect(throws: ArchiveError.itemNotFound(id: "nobody", collection: "c")) { try answer.results[2].get() }

    let other = try await archive.search(
      "c", queries: [Query(.id("17")), Query(.id("17"), slide: "S100"), Query(.id("14"))], k: 10, excludeSame: .patient)
    let same = try other.results[0].get()
    expect(
      same,
      equals: Self.truth.search(Self.items[17].embedding, k: 10) { Self.items[$0].description.patient != "P0" })
    // 6,000 less the patient's 102 others and itself; a seventh of all has no patient.
    #expect(same.searched == 6_000 - (0..<120).count { $0 % 7 != 0 })
    #expect(same.unattributed == Self.items.count { $0.description.patient == nil })
    #expect(try other.results[1].get() == same)
    guard case .failure(.invalid(let reason)) = other.results[2] else {
      Issue.record("\(other.results[2])")
      return
    }
    #expect(reason.contains("patient"))
  }

  @Test("exclude_same takes each query's own case out, also among many queries")
  func excludeSame() async throws {
    let archive = try await archive()
    let queries = queries(64)
    let answer = try await archive.search(
      "c", queries: queries.enumerated().map { Query(.embedding($1), slide: "S\($0)") }, k: 10, excludeSame: .slide)
    for (number, query) in queries.enumerated() {
      let result = try answer.results[number].get()
      expect(
        result,
        equals: Self.truth.search(query, k: 10) { Self.items[$0].description.slide != "S\(number)" })
      #expect(result.searched == 5_960 && result.unattributed == 0)
    }
  }

  @Test(
    "distinct gives the nearest cases, each by its best item; an item without one is its own", arguments: [1, 10, 300])
  func distinct(_ k: Int) async throws {
    let archive = try await archive()
    let queries = queries(3)
    for (field, exclude) in [(Field.patient, nil), (.slide, Filter(fields: [.label: ["L1"]]))] {
      let answer = try await archive.search(
        "c", queries: queries.map { Query(.embedding($0)) }, k: k, exclude: exclude, distinct: field)
      for (query, result) in zip(queries, answer.results) {
        var seen: Set<String> = []
        let all = Self.truth.search(query, k: 6_000) { exclude == nil || $0 % 3 != 1 }
        let expected = all.filter { found in
          guard let index = Int(found.id), let value = Self.items[index].description[field] else { return true }
          return seen.insert(value).inserted
        }
        expect(try result.get(), equals: Array(expected.prefix(k)), "\(field)")
      }
      #expect(answer.unattributed == (field == .patient ? Self.items.count { $0.description.patient == nil } : 0))
    }
  }

  @Test("distinct looks behind a case of thousands of items")
  func largeCase() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory, dimension: 2)
    // Case A fills the 5,000 first places, then B the next 100, then C, and D is the last of all.
    let items = (0..<5_111).map { (index: Int) -> NewItem in
      let slide = index < 5_000 ? "A" : index < 5_100 ? "B" : index < 5_110 ? "C" : "D"
      return Fixture.item("\(index)", [1, Float(index) / 2048], slide: slide)
    }
    _ = try await archive.add(Array(items[2_000...]), to: "c", onConflict: .error)
    _ = try await archive.add(Array(items[..<2_000]), to: "c", onConflict: .error)
    for k in [1, 3, 4, 10] {
      let answer = try await archive.search("c", queries: [Query(.embedding([1, 0]))], k: k, distinct: .slide)
      #expect(
        try answer.only().neighbours.map(\.item.description.id) == Array(["0", "5000", "5100", "5110"].prefix(k)))
    }
  }
}
