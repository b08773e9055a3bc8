import Foundation
import Testing
import Wire

@testable import Daemon

@Suite("Precision")
struct PrecisionTests {
  private func items(_ prefix: String, _ seeds: Range<Int>) throws -> JSONValue {
    .array(try seeds.map { ["id": .string("\(prefix)\($0)"), "image": try TestPicture.image($0)] })
  }

  private func embeddings(_ client: SocketClient, _ collection: String) async throws -> [String: JSONValue] {
    let page = try await client.call("list", ["collection": .string(collection), "include": ["embedding"]])
    var embeddings: [String: JSONValue] = [:]
    for item in page["result"]?["items"]?.array ?? [] {
      embeddings[item["id"]?.string ?? ""] = item["embedding"]
    }
    return embeddings
  }

  /// The collections' names and precisions.
  private func precisions(_ answer: JSONValue) -> [String?] {
    (answer["result"]?["collections"]?.array ?? []).map {
      "\($0["name"]?.string ?? "") \($0["precision"]?.string ?? "")"
    }
  }

  @Test("a collection keeps the precision that it was made with, for items and queries, whatever the setting is later")
  func kept() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "esvitd-\(UUID().uuidString.prefix(8))")
    defer { try? FileManager.default.removeItem(at: folder) }
    try await TestDaemon.run({ settings in
      settings.state = folder.path
      settings.precision = .int8
    }) { daemon in
      let client = try daemon.client()
      let made = try await client.call("create", ["collection": "quick"])
      #expect(made["result"]?["precision"] == "int8")
      let added = try await client.call("add", ["collection": "quick", "items": try items("old", 0..<4)])
      #expect(added["result"]?["items"]?.array?.count == 4)
      #expect(try await client.call("status")["result"]?["model"]?["precision"] == "int8")
    }
    try await TestDaemon.run({ $0.state = folder.path }) { daemon in
      let client = try daemon.client()
      let status = try await client.call("status")
      #expect(status["result"]?["model"]?["precision"] == "f32")
      #expect(precisions(status) == ["quick int8"])
      #expect(try await client.call("create", ["collection": "exact"])["result"]?["precision"] == "f32")
      #expect(precisions(try await client.call("collections")) == ["exact f32", "quick int8"])

      _ = try await client.call("add", ["collection": "quick", "items": try items("new", 0..<4)])
      _ = try await client.call("add", ["collection": "exact", "items": try items("new", 0..<4)])
      let (quick, exact) = (try await embeddings(client, "quick"), try await embeddings(client, "exact"))
      for seed in 0..<4 {
        #expect(quick["new\(seed)"] != nil && quick["new\(seed)"] == quick["old\(seed)"])
        #expect(exact["new\(seed)"] != quick["new\(seed)"])
      }
      // What is encoded for nothing in particular has the setting's precision.
      let encoded = try await client.call("encode", ["images": [try TestPicture.image(2)]])
      #expect(encoded["result"]?["precision"] == "f32")
      #expect(encoded["result"]?["embeddings"]?.array?[0] == exact["new2"])
      // A query's picture and the stored embedding of the same picture are the same vector.
      for collection in ["quick", "exact"] {
        func best(_ query: JSONValue) async throws -> JSONValue? {
          let answer = try await client.call(
            "search", ["collection": .string(collection), "k": 4, "queries": [query]])
          return answer["result"]?["results"]?.array?[0]
        }
        let embedding = collection == "quick" ? quick["new1"] : exact["new1"]
        let byPicture = try await best(["image": try TestPicture.image(1)])
        #expect(byPicture?["neighbours"]?.array?.count == 4)
        #expect(try await best(["embedding": embedding ?? .null]) == byPicture)
      }
    }
  }

  @Test("pictures of several precisions share batches, and each has the embedding that it has alone")
  func shared() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "esvitd-\(UUID().uuidString.prefix(8))")
    defer { try? FileManager.default.removeItem(at: folder) }
    for precision in [PrecisionSetting.int8, .bf16] {
      try await TestDaemon.run({ settings in
        settings.state = folder.path
        settings.precision = precision
      }) { daemon in
        let name = JSONValue.string(precision.rawValue)
        _ = try await daemon.client().call("create", ["collection": name])
        for seed in 0..<6 {
          _ = try await daemon.client().call(
            "add", ["collection": name, "items": try items("alone", seed..<seed + 1)])
        }
      }
    }
    try await TestDaemon.run({ settings in
      settings.state = folder.path
      settings.batchWait = .milliseconds(100)
    }) { daemon in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for collection in ["int8", "bf16"] {
          for seed in 0..<6 {
            group.addTask {
              _ = try await daemon.client().call(
                "add", ["collection": .string(collection), "items": try items("together", seed..<seed + 1)])
            }
          }
        }
        try await group.waitForAll()
      }
      for collection in ["int8", "bf16"] {
        let found = try await embeddings(daemon.client(), collection)
        #expect(found.count == 12)
        for seed in 0..<6 { #expect(found["together\(seed)"] == found["alone\(seed)"]) }
      }
    }
  }

  @Test("auto without figures in the model's header is f32")
  func automatic() async throws {
    try await TestDaemon.run({ $0.precision = .auto }) { daemon in
      let status = try await daemon.client().call("status")
      #expect(status["result"]?["model"]?["precision"] == "f32")
    }
  }
}
