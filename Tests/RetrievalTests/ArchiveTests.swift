import Foundation
import OpenCL
import Testing

@testable import Retrieval

@DeviceActor
@Suite("What is stored comes back as it was given")
struct ArchiveTests {
  private static let whole: Include = [.embedding, .metadata, .region, .mpp, .source, .sha256, .thumbnail]

  private static func wholeItem(_ id: String) -> NewItem {
    NewItem(
      ItemDescription(
        id: id, label: "tumour", slide: "S-7", patient: "P \"1\"", site: "Zürich",
        region: SlideRegion(x: -1, y: 2, width: 3, height: 4, level: 5), mpp: 0.25, source: "file:///a b.tiff",
        imageSHA256: Data(repeating: 7, count: 32),
        metadata: [
          "a \"key\"": .string("x'y\n"), "n": .integer(9_007_199_254_740_993), "f": .number(0.1), "b": .boolean(true),
        ],
        encoder: EncoderIdentity(variant: "cpu", precision: "f32", version: "1.0")),
      embedding: (0..<16).map { Float($0) / 4 }, thumbnail: Data([0xff, 0xd8, 0xff]))
  }

  @Test("every property survives a restart, and only what is asked for is returned")
  func properties() async throws {
    let directory = try TemporaryDirectory()
    let item = Self.wholeItem("é")
    do {
      let archive = try await Fixture.archive(directory)
      #expect(try await archive.add([item], to: "c", onConflict: .error) == [.stored])
      await archive.close()
    }
    let archive = try await Fixture.open(directory)
    let found = try #require(try await archive.get(ids: ["é"], in: "c", include: Self.whole)[0])
    #expect(found.description == item.description)
    #expect(found.embedding == item.embedding)
    #expect(found.thumbnail == item.thumbnail)
    #expect(abs(found.time.timeIntervalSinceNow) < 60)

    let bare = try #require(try await archive.get(ids: ["é"], in: "c")[0])
    #expect(bare.description.label == "tumour" && bare.description.encoder == item.description.encoder)
    #expect(bare.embedding == nil && bare.thumbnail == nil && bare.description.metadata == nil)
    #expect(bare.description.region == nil && bare.description.mpp == nil && bare.description.source == nil)
    #expect(bare.description.imageSHA256 == nil)

    let neighbour = try await archive.search(
      "c", queries: [Query(.embedding(item.embedding))], k: 1, include: Self.whole
    ).only().neighbours[0]
    #expect(neighbour == Neighbour(item: found, score: 1))
  }

  @Test("ids are told apart byte by byte")
  func exactIDs() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let composed = "\u{e9}"
    let decomposed = "e\u{301}"
    var random = SplitMix(seed: 1)
    let items = [composed, decomposed, "E", "e"].map { Fixture.item($0, random.vector(16), slide: $0) }
    #expect(try await archive.add(items, to: "c", onConflict: .error) == [.stored, .stored, .stored, .stored])
    for item in items {
      let found = try await archive.search(
        "c", queries: [Query(.embedding(item.embedding))], k: 4,
        filter: Filter(fields: [.slide: [item.description.id]])
      ).only()
      #expect(found.neighbours.map { Array($0.item.description.id.utf8) } == [Array(item.description.id.utf8)])
    }
    #expect(try await archive.remove(ids: [decomposed, decomposed, "nobody"], from: "c") == 1)
    #expect(try await archive.known(ids: [decomposed, composed], in: "c").map { $0 != nil } == [false, true])
    #expect(try await archive.get(ids: [composed, decomposed], in: "c").map { $0 != nil } == [true, false])
  }

  @Test("an existing id is refused, replaced in its place, or passed over where the image is the same")
  func conflicts() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let base = [Float](repeating: 1, count: 16)
    let other = [1] + [Float](repeating: 0, count: 15)
    let hash = Data(repeating: 1, count: 32)
    let items = ["a", "b", "c"].map { Fixture.item($0, base, sha256: hash) }
    _ = try await archive.add(items, to: "c", onConflict: .error)
    let exists = AddOutcome.failed(.itemExists(id: "b", collection: "c"))

    #expect(
      try await archive.add([items[1], Fixture.item("d", base), Fixture.item("d", other)], to: "c", onConflict: .error)
        == [exists, .stored, .failed(.itemExists(id: "d", collection: "c"))])
    #expect(
      try await archive.add(
        [
          items[1], Fixture.item("b", base, sha256: Data(repeating: 2, count: 32)), Fixture.item("b", base),
          Fixture.item("d", base), Fixture.item("d", other),
        ], to: "c", onConflict: .skip)
        == [.skipped, exists, exists, .skipped, .failed(.itemExists(id: "d", collection: "c"))])
    #expect(
      try await archive.known(ids: ["a", "d", "x"], in: "c")
        == [KnownItem(imageSHA256: hash), KnownItem(imageSHA256: nil), nil])

    // Another region of the same file is another image.
    let region = SlideRegion(x: 1, y: 2, width: 3, height: 4, level: 5)
    func part(_ region: SlideRegion?) -> NewItem {
      NewItem(ItemDescription(id: "b", region: region, imageSHA256: hash), embedding: base)
    }
    #expect(try await archive.add([part(region)], to: "c", onConflict: .replace) == [.replaced])
    #expect(try await archive.known(ids: ["b"], in: "c") == [KnownItem(imageSHA256: hash, region: region)])
    var moved = region
    moved.level = 4
    #expect(
      try await archive.add([part(region), part(moved), part(nil)], to: "c", onConflict: .skip)
        == [.skipped, exists, exists])

    // Equal scores come in the order of insertion, which a replacement keeps, whatever slot it lies in.
    let replaced = [Fixture.item("b", other, label: "new"), Fixture.item("b", base, label: "newer")]
    #expect(try await archive.add(replaced, to: "c", onConflict: .replace) == [.replaced, .replaced])
    let answer = try await archive.search("c", queries: [Query(.embedding(base))], k: 10).only()
    #expect(answer.neighbours.map(\.item.description.id) == ["a", "b", "c", "d"])
    #expect(answer.neighbours[1].item.description.label == "newer")
    #expect(answer.searched == 4)
    #expect(try await archive.list(in: "c").items.map(\.description.id) == ["a", "b", "c", "d"])
    let info = try await archive.collections()[0]
    #expect(info.count == 4)
    #expect(info.bytes == 4 * 64)
  }

  @Test("an item that cannot be stored fails alone")
  func badItems() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let good = [Float](repeating: 1, count: 16)
    var nan = good
    nan[3] = .nan
    let bad: [NewItem] = [
      Fixture.item("nan", nan), Fixture.item("zero", [Float](repeating: 0, count: 16)),
      Fixture.item("infinite", [Float](repeating: .infinity, count: 16)), Fixture.item("short", [1]),
      Fixture.item("", good), Fixture.item("a\0b", good), Fixture.item(String(repeating: "x", count: 1025), good),
      Fixture.item("hash", good, sha256: Data([1])), Fixture.item("meta", good, metadata: ["x": .number(.nan)]),
      Fixture.item("label", good, label: String(repeating: "x", count: 1025)),
    ]
    let outcomes = try await archive.add(
      [Fixture.item("first", good)] + bad + [Fixture.item("last", good)], to: "c", onConflict: .error)
    #expect(outcomes.first == .stored && outcomes.last == .stored)
    for outcome in outcomes.dropFirst().dropLast() {
      guard case .failed = outcome else {
        Issue.record("\(outcome)")
        continue
      }
    }
    #expect(outcomes[4] == .failed(.dimensionMismatch(collection: "c", expected: 16, found: 1)))
    #expect(try await archive.count(in: "c").total == 2)
    #expect(try await archive.search("c", queries: [Query(.embedding(good))], k: 9).searched == 2)
  }

  @Test("lists go page by page in the order of insertion, counts by a field")
  func listAndCount() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let items = (0..<25).map { (index: Int) -> NewItem in
      let label: String? = index % 5 == 0 ? nil : "L\(index % 3)"
      let metadata: [String: MetadataValue] = [
        "stage": .integer(Int64(index % 4)), "x": .string("\(index % 2)"), "even": .boolean(index % 2 == 0),
      ]
      return Fixture.item("\(index)", [Float](repeating: 1, count: 16), label: label, metadata: metadata)
    }
    _ = try await archive.add(items, to: "c", onConflict: .error)
    var seen: [String] = []
    var after: String?
    repeat {
      let page = try await archive.list(in: "c", after: after, limit: 10)
      seen += page.items.map(\.description.id)
      after = page.next
    } while after != nil
    #expect(seen == items.map(\.description.id))

    func ids(_ filter: Filter) async throws -> [String] {
      try await archive.list(in: "c", filter: filter).items.map(\.description.id)
    }
    func expected(_ isKept: (Int) -> Bool) -> [String] { (0..<25).filter(isKept).map(String.init) }
    #expect(try await ids(Filter(fields: [.label: ["L1", "none"]])) == expected { $0 % 5 != 0 && $0 % 3 == 1 })
    #expect(
      try await ids(Filter(metadata: ["stage": [.integer(1), .number(3)], "x": [.string("1")]]))
        == expected { $0 % 4 == 1 || $0 % 4 == 3 })
    #expect(try await ids(Filter(metadata: ["even": [.boolean(true)]])) == expected { $0 % 2 == 0 })
    // A number is not the string of its digits.
    #expect(try await ids(Filter(metadata: ["stage": [.string("1")]])).isEmpty)
    #expect(try await ids(Filter(metadata: ["x": [.integer(1)]])).isEmpty)
    #expect(try await ids(Filter(fields: [.label: []])).isEmpty)
    #expect(try await ids(Filter(fields: [.slide: ["L1"]])).isEmpty)

    let count = try await archive.count(in: "c", by: .label)
    #expect(count.total == 25)
    #expect(
      count.groups == [
        ItemCount.Group(value: "L0", count: 7), ItemCount.Group(value: "L1", count: 7),
        ItemCount.Group(value: "L2", count: 6), ItemCount.Group(value: nil, count: 5),
      ])
    #expect(try await archive.count(in: "c", filter: Filter(fields: [.label: ["L0"]])).total == 7)
    await #expect(throws: ArchiveError.itemNotFound(id: "x", collection: "c")) {
      try await archive.list(in: "c", after: "x")
    }
  }

  @Test("removal by id and by filter acts at once on lists and searches, and its slots are used again")
  func removal() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let query = [Float](repeating: 1, count: 16)
    let items = (0..<20).map { (index: Int) -> NewItem in
      Fixture.item("\(index)", query, slide: index < 10 ? "A" : "B", metadata: ["n": .integer(Int64(index))])
    }
    _ = try await archive.add(items, to: "c", onConflict: .error)
    let deviceBytes = try await archive.collections()[0].deviceBytes
    #expect(try await archive.remove(ids: ["3", "4", "unknown"], from: "c") == 2)
    #expect(try await archive.remove(matching: Filter(metadata: ["n": [.integer(5)]]), from: "c") == 1)
    #expect(try await archive.remove(matching: Filter(fields: [.slide: ["B"]]), from: "c") == 10)
    await #expect(throws: ArchiveError.self) { try await archive.remove(matching: Filter(), from: "c") }
    let answer = try await archive.search("c", queries: [Query(.embedding(query))], k: 100).only()
    #expect(answer.neighbours.map(\.item.description.id) == ["0", "1", "2", "6", "7", "8", "9"])
    #expect(answer.searched == 7)
    _ = try await archive.add((20..<33).map { Fixture.item("\($0)", query) }, to: "c", onConflict: .error)
    let again = try await archive.search("c", queries: [Query(.embedding(query))], k: 100).only()
    #expect(
      again.neighbours.map(\.item.description.id) == ["0", "1", "2", "6", "7", "8", "9"] + (20..<33).map(String.init))
    #expect(try await archive.collections()[0].deviceBytes == deviceBytes)
    #expect(try await archive.collections()[0].bytes == 7 * (64 + #"{"n":0}"#.utf8.count) + 13 * 64)
  }

  @Test("collections are made once, dropped whole, and unknown ones named")
  func collections() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    _ = try await archive.create("b")
    await #expect(throws: ArchiveError.collectionExists("b")) { try await archive.create("b", dimension: 3) }
    await #expect(throws: ArchiveError.collectionNotFound("x")) { try await archive.drop("x") }
    await #expect(throws: ArchiveError.collectionNotFound("x")) {
      try await archive.search("x", queries: [], k: 1)
    }
    for name in ["", "a\nb", String(repeating: "n", count: 129)] {
      await #expect(throws: ArchiveError.self) { try await archive.create(name) }
    }
    await #expect(throws: ArchiveError.self) { try await archive.create("d", dimension: 0) }
    _ = try await archive.add([Self.wholeItem("1")], to: "b", onConflict: .error)
    let list = try await archive.collections()
    #expect(list.map(\.name) == ["b", "c"])
    #expect(list[0].count == 1 && list[0].dimension == 16 && list[0].modelName == "test" && list[0].deviceBytes > 0)
    #expect(list[0].modelFingerprint == Fixture.model.fingerprint)
    try await archive.drop("b")
    await #expect(throws: ArchiveError.collectionNotFound("b")) { try await archive.count(in: "b") }
    _ = try await archive.create("b")
    #expect(try await archive.count(in: "b").total == 0)
    #expect(
      try await archive.search("b", queries: [Query(.embedding([Float](repeating: 1, count: 16)))], k: 1).searched == 0)
  }

  @Test("a collection of another model is listed, read and dropped, but neither searched nor added to")
  func otherModel() async throws {
    let directory = try TemporaryDirectory()
    do {
      let archive = try await Fixture.archive(directory)
      _ = try await archive.add([Self.wholeItem("1")], to: "c", onConflict: .error)
      await archive.close()
    }
    let other = ModelIdentity(fingerprint: String(repeating: "cd", count: 32), name: "other", dimension: 16)
    let archive = try await Fixture.open(directory, model: other)
    let mismatch = ArchiveError.modelMismatch(
      collection: "c", collectionModel: Fixture.model.fingerprint, loadedModel: other.fingerprint)
    await #expect(throws: mismatch) { try await archive.add([Self.wholeItem("2")], to: "c", onConflict: .error) }
    await #expect(throws: mismatch) {
      try await archive.search("c", queries: [Query(.id("1"))], k: 1)
    }
    let info = try await archive.collections()[0]
    #expect(info.modelFingerprint == Fixture.model.fingerprint && info.count == 1 && info.deviceBytes == 0)
    #expect(try await archive.get(ids: ["1"], in: "c")[0] != nil)
    _ = try await archive.create("new")
    #expect(try await archive.add([Self.wholeItem("1")], to: "new", onConflict: .error) == [.stored])
    #expect(try await archive.remove(ids: ["1"], from: "c") == 1)
    try await archive.drop("c")
    #expect(try await archive.collections().map(\.name) == ["new"])
  }
}
