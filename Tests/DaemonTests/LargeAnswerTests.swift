import Foundation
import Retrieval
import Testing
import Wire

@testable import Daemon

@Suite("Answers that could be larger than a line")
struct LargeAnswerTests {
  /// Fills a collection with items whose texts take six times their bytes in an answer: 30 kB each.
  private func fill(_ client: SocketClient, _ count: Int) async throws {
    let text = JSONValue.string(String(repeating: "\u{1}", count: 1020))
    _ = try await client.call("create", ["collection": "c"])
    for number in 0..<count {
      var values = [Float](repeating: 1, count: 64)
      values[number] = 2
      let item: JSONValue = [
        "id": .string("\(number)"), "embedding": .string(Base64.encode(values)), "encoding": "base64", "label": text,
        "slide": text, "patient": text, "site": text, "source": text,
      ]
      let added = try await client.call("add", ["collection": "c", "items": [item]])
      #expect(added["result"]?["items"]?.array?[0]["status"] == "stored")
    }
  }

  private func queries(_ count: Int) -> JSONValue { .array((0..<count).map { ["id": .string("\($0)")] }) }

  @Test("an answer over the limit of a line is refused as too_large while it is made, and its memory is free again")
  func overLimit() async throws {
    try await TestDaemon.run({ $0.limits.line = 1 << 20 }) { daemon in
      let client = try daemon.client()
      try await fill(client, 20)
      // 20 × 19 × 25 kB.
      let refused = try await client.call("search", ["collection": "c", "k": 1000, "queries": queries(20)])
      #expect(refused.errorName == "too_large")
      #expect(refused["error"]?["data"]?["limit"] == .integer(1 << 20))
      let found = try await client.call("search", ["collection": "c", "k": 1000, "queries": queries(1)])
      #expect(found["result"]?["results"]?.array?[0]["neighbours"]?.array?.count == 19)
      let page = try await client.call("list", ["collection": "c", "include": ["source"]])
      #expect(page["result"]?["items"]?.array?.count == 20)
      #expect(await daemon.server.memory.isGivenBack)
    }
  }

  @Test("no more is read from the store than an answer may hold: memory stays bounded, however much was found")
  func boundedReading() async throws {
    try await TestDaemon.run({ $0.limits.line = 1 << 20 }) { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      // 2,000 items of 20 kB lie in two opposite directions, so that two queries find 1,000 others each: 40 MB.
      let metadata = Dictionary(
        uniqueKeysWithValues: (0..<5).map { ("\($0)", MetadataValue.string(String(repeating: "x", count: 4096))) })
      for block in 0..<20 {
        let items = (0..<100).map { number in
          var embedding = [Float](repeating: 0, count: 64)
          embedding[0] = block % 2 == 0 ? 1 : -1
          embedding[1] = Float(number) / 100
          return NewItem(ItemDescription(id: "\(block)/\(number)", metadata: metadata), embedding: embedding)
        }
        let outcomes = try await daemon.engine.archive.add(items, to: "c", onConflict: .error)
        #expect(outcomes.allSatisfy { $0 == .stored })
      }
      let queries: JSONValue = .array(
        [1.0, -1].map { first in
          ["embedding": .array([.double(first)] + [JSONValue](repeating: 0, count: 63))]
        })
      let before = try Self.resetPeakMemory()
      let refused = try await client.call(
        "search", ["collection": "c", "k": 1000, "queries": queries, "include": ["metadata"]])
      #expect(refused.errorName == "too_large")
      #expect(refused["error"]?["data"]?["limit"] == .integer(1 << 20))
      #expect(try Self.peakMemory() - before < 20 << 20)
    }
  }

  /// Gives unused memory back to the system and begins a new peak; its size in bytes so far.
  private static func resetPeakMemory() throws -> Int {
    // `malloc.h` is not among the headers that Swift's Glibc has.
    let trim = unsafeBitCast(try #require(dlsym(nil, "malloc_trim")), to: (@convention(c) (Int) -> CInt).self)
    _ = trim(0)
    try Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
    return try peakMemory()
  }

  /// The process' largest resident set since it was last reset, in bytes.
  private static func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(line.split(separator: " ").compactMap { Int($0) }.first) << 10
  }

  @Test("what an answer really takes is charged, not what an ordinary one would")
  func charged() async throws {
    try await TestDaemon.run({ settings in
      settings.limits.line = 1 << 20
      settings.limits.inHand = 256 << 10
    }) { daemon in
      let client = try daemon.client()
      try await fill(client, 12)
      let refused = try await client.call("list", ["collection": "c", "include": ["source"]])
      #expect(refused.errorName == "overloaded")
      #expect(await daemon.server.memory.isGivenBack)
      #expect(try await client.call("list", ["collection": "c", "limit": 4])["result"] != nil)
    }
  }

  @Test("a small collection is answered, however many items were asked for")
  func smallCollection() async throws {
    try await TestDaemon.run({ $0.limits.line = 64 << 10 }) { daemon in
      let client = try daemon.client()
      try await fill(client, 2)
      let found = try await client.call(
        "search", ["collection": "c", "k": 1000, "include": ["embedding"], "queries": queries(2)])
      #expect(found["result"]?["results"]?.array?.map { $0["neighbours"]?.array?.count } == [1, 1])
      let page = try await client.call(
        "list", ["collection": "c", "limit": 1000, "include": ["embedding", "thumbnail"]])
      #expect(page["result"]?["items"]?.array?.count == 2)
    }
  }

  @Test("failures of the device are in a row only where nothing succeeded between them, in the archive or elsewhere")
  func failuresInARow() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      for _ in 1..<DeviceHealth.patience { _ = daemon.health.failed() }
      try await fill(client, 2)
      for _ in 1..<DeviceHealth.patience { _ = daemon.health.failed() }
      #expect(try await client.call("search", ["collection": "c", "queries": queries(1)])["result"] != nil)
      _ = daemon.health.failed()
      #expect(!daemon.health.isLost.isOpen)
    }
  }
}
