import Foundation
import Synchronization
import Testing

extension WithDaemon {
  @Suite("What was acknowledged stays", .timeLimit(.minutes(10)))
  struct DurabilityTests {
    /// An embedding of the right length that identifies its item.
    private func embedding(_ number: Int, _ dimension: Int) -> JSON {
      var values = [JSON](repeating: .number(0.001), count: dimension)
      values[number % dimension] = .number(1 + Double(number / dimension))
      values[(number * 7 + 1) % dimension] = .number(0.5)
      return .array(values)
    }

    private func items(_ numbers: Range<Int>, _ dimension: Int) -> JSON {
      .array(
        numbers.map {
          [
            "id": .string("item-\($0)"), "embedding": embedding($0, dimension), "label": .string("label-\($0 % 3)"),
            "metadata": ["number": .number(Double($0))],
          ]
        })
    }

    /// All stored items' ids; each must be as it was added, with its embedding where `whole` asks for it.
    private func stored(_ client: Connection, whole: Bool = false) async throws -> Set<String> {
      var ids: Set<String> = []
      var after: JSON?
      while true {
        let include: JSON = whole ? ["metadata", "embedding"] : ["metadata"]
        var parameters: [String: JSON] = ["collection": "tiles", "limit": 200, "include": include]
        if let after { parameters["after"] = after }
        let answer = try await client.call("list", .object(parameters))
        let page = answer["items"].array
        for item in page {
          let id = try #require(item["id"].string)
          let number = try #require(Int(id.dropFirst("item-".count)))
          #expect(item["metadata"]["number"].number == Double(number))
          #expect(item["label"] == .string("label-\(number % 3)"))
          if whole { #expect(!item["embedding"].array.isEmpty) }
          #expect(ids.insert(id).inserted)
        }
        guard answer["next"] != .null else { return ids }
        after = answer["next"]
      }
    }

    @Test("kill -9 during add, ten rounds: all that was acknowledged is there, and nothing is half there")
    func killDuringAdd() async throws {
      let folder = try Folder()
      let state = try folder.folder("state")
      var acknowledged: Set<String> = []
      var next = 0
      for round in 0..<10 {
        let daemon = try await DaemonProcess.ready(.init(state: state))
        let client = try daemon.connect()
        let dimension = Int(try #require(try await client.call("status")["model"]["dimension"].number))
        if round == 0 { _ = try await client.call("create", ["collection": "tiles"]) }
        let before = try await stored(client)
        #expect(acknowledged.isSubset(of: before), "round \(round)")
        // A request is stored whole or not at all.
        #expect(before.count % 8 == 0, "round \(round)")
        // Searched and stored are the same.
        let answer = try await client.call(
          "search", ["collection": "tiles", "k": 1, "queries": [["embedding": embedding(0, dimension)]]])
        #expect(answer["searched"].number == Double(before.count))

        // Requests follow each other without waiting; the kill falls among them, later in each round.
        for _ in 0..<40 {
          _ = try await client.start("add", ["collection": "tiles", "items": items(next..<(next + 8), dimension)])
          next += 8
        }
        for _ in 0...(round * 3) {
          let outcomes = try await client.answer(to: "add")["items"].array
          acknowledged.formUnion(outcomes.compactMap { $0["id"].string })
        }
        try await daemon.kill()
        // Answers that were on their way count too.
        while let answer = try? await client.answer() {
          acknowledged.formUnion(answer["items"].array.compactMap { $0["id"].string })
        }
      }
      let daemon = try await DaemonProcess.ready(.init(state: state))
      let client = try daemon.connect()
      let all = try await stored(client, whole: true)
      #expect(acknowledged.isSubset(of: all))
      #expect(!acknowledged.isEmpty)
      #expect(try await client.call("count", ["collection": "tiles"])["count"].number == Double(all.count))
      #expect(try await daemon.stop() == .exit(0))
    }

    @Test(
      "a full disk during add is an error, and the daemon goes on",
      .enabled(if: Built.canMount, "needs root that may mount"))
    func fullDisk() async throws {
      let folder = try Folder()
      let state = try folder.folder("state")
      let mounting = "mount -t tmpfs -o size=6m none '\(state)' && exec \"$@\""
      let daemon = try await DaemonProcess.ready(
        .init(state: state, wrapper: ["unshare", "-m", "sh", "-c", mounting, "sh"]))
      let client = try daemon.connect()
      let dimension = Int(try #require(try await client.call("status")["model"]["dimension"].number))
      _ = try await client.call("create", ["collection": "tiles"])
      var acknowledged: Set<String> = []
      var failure: RequestFailure?
      for round in 0..<400 where failure == nil {
        do {
          let numbers = (round * 64)..<(round * 64 + 64)
          let answer = try await client.call("add", ["collection": "tiles", "items": items(numbers, dimension)])
          acknowledged.formUnion(answer["items"].array.compactMap { $0["id"].string })
        } catch let error as RequestFailure {
          failure = error
        }
      }
      #expect(failure?.code == -32008)
      #expect(failure?.name == "storage_failure")
      #expect(!acknowledged.isEmpty)
      #expect(try await stored(client) == acknowledged)
      let answer = try await client.call(
        "search", ["collection": "tiles", "k": 1, "queries": [["embedding": embedding(0, dimension)]]])
      #expect(answer["searched"].number == Double(acknowledged.count))
      #expect(answer["results"][0]["neighbours"][0]["id"] == "item-0")
      #expect(try await daemon.stop() == .exit(0))
    }
  }
}
