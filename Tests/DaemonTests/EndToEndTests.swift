import Foundation
import Testing
import Wire

@testable import Daemon

@Suite("The whole daemon but its process: real encoder, real archive, real socket")
struct EndToEndTests {
  private func item(_ seed: Int, _ more: JSONObject = [:]) throws -> JSONValue {
    var item: JSONObject = ["id": .string("t\(seed)"), "image": try TestPicture.image(seed)]
    for member in more { item[member.name] = member.value }
    return .object(item)
  }

  @Test("tiles go in, the nearest come out: create, add, search, get, list, count, remove, drop")
  func mainJob() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      let created = try await client.call("create", ["collection": "c"])
      #expect(created["result"]?["dimension"] == 64)
      let items = try (0..<20).map { seed in
        try item(
          seed,
          [
            "label": .string(seed % 2 == 0 ? "even" : "odd"), "slide": .string("S\(seed / 4)"), "mpp": 0.5,
            "metadata": ["n": .integer(Int64(seed)), "stain": "H&E"],
          ])
      }
      let added = try await client.call("add", ["collection": "c", "items": .array(items)])
      #expect(added["result"]?["items"]?.array?.allSatisfy { $0["status"] == "stored" } == true)

      let found = try await client.call(
        "search",
        [
          "collection": "c", "k": 3, "include": ["metadata", "sha256", "thumbnail", "embedding"],
          "queries": [["image": try TestPicture.image(7)], ["id": "t7", "slide": "S1"]],
        ])
      let results = try #require(found["result"]?["results"]?.array)
      let own = try #require(results[0]["neighbours"]?.array?.first)
      #expect(own["id"] == "t7")
      #expect(abs((own["score"]?.number ?? 0) - 1) < 1e-3)
      #expect(own["metadata"] == ["n": 7, "stain": "H&E"])
      #expect(own["embedding"]?.array?.count == 64)
      #expect(own["sha256"]?.string?.count == 64)
      let thumbnail = try #require(own["thumbnail"]?.string.flatMap(Base64.decode))
      #expect(thumbnail.starts(with: [0xFF, 0xD8]))
      // A stored query is never its own neighbour; what the image found beside itself, the id finds too.
      let others = results[1]["neighbours"]?.array?.map { $0["id"] }
      #expect(
        others?.prefix(2).elementsEqual(results[0]["neighbours"]?.array?.dropFirst().map { $0["id"] } ?? []) == true)
      #expect(found["result"]?["searched"] == 20)

      let apart = try await client.call(
        "search",
        [
          "collection": "c", "k": 20, "exclude_same": "slide", "filter": ["label": "odd"], "distinct": "slide",
          "queries": [["id": "t7"]],
        ])
      let cases = try #require(apart["result"]?["results"]?.array?[0]["neighbours"]?.array)
      #expect(Set(cases.compactMap { $0["slide"]?.string }) == ["S0", "S2", "S3", "S4"])
      #expect(cases.count == 4)
      #expect(cases.allSatisfy { $0["label"] == "odd" })

      let count = try await client.call(
        "count", ["collection": "c", "by": "label", "filter": ["metadata": ["n": [1, 2, 3]]]])
      #expect(
        count["result"] == [
          "count": 3, "by": "label", "groups": [["value": "odd", "count": 2], ["value": "even", "count": 1]],
        ])
      let page = try await client.call("list", ["collection": "c", "limit": 2, "after": "t3"])
      #expect(page["result"]?["items"]?.array?.map { $0["id"] } == ["t4", "t5"])
      #expect(page["result"]?["next"] == "t5")
      let got = try await client.call("get", ["collection": "c", "ids": ["t4", "nobody"], "include": ["mpp"]])
      #expect(got["result"]?["items"]?.array?[0]["mpp"] == 0.5)
      #expect(got["result"]?["items"]?.array?[1].errorName == "not_found")
      #expect(got["result"]?["items"]?.array?[1]["error"]?["data"]?["index"] == 1)
      #expect(
        try await client.call("remove", ["collection": "c", "ids": ["t7", "t8", "x"]])["result"] == ["removed": 2])
      #expect(
        try await client.call("remove", ["collection": "c", "filter": ["label": "odd"]])["result"] == ["removed": 9])
      let left = try await client.call("collections")["result"]?["collections"]?.array
      #expect(left?.map { $0["count"] } == [9])
      #expect(try await client.call("drop", ["collection": "c"])["result"]?["count"] == 9)
      #expect(try await client.call("collections")["result"] == ["collections": []])
    }
  }

  @Test("an id that exists: error, skip the same file unencoded, refuse another file, replace")
  func conflicts() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      func add(_ items: [JSONValue], _ policy: String) async throws -> [String] {
        let answer = try await client.call(
          "add", ["collection": "c", "items": .array(items), "on_conflict": .string(policy)])
        return answer["result"]?["items"]?.array?.map { $0["status"]?.string ?? $0.errorName ?? "" } ?? []
      }
      #expect(try await add([item(1), item(2)], "error") == ["stored", "stored"])
      let encoded = daemon.server.statistics.snapshot.images
      #expect(try await add([item(1), item(1), item(3)], "error") == ["conflict", "conflict", "stored"])
      #expect(try await add([item(1), item(2)], "skip") == ["skipped", "skipped"])
      #expect(daemon.server.statistics.snapshot.images == encoded + 1)
      let other: JSONValue = ["id": "t1", "image": try TestPicture.image(9)]
      #expect(try await add([other], "skip") == ["conflict"])
      #expect(try await add([other], "replace") == ["stored"])
      let first = try await client.call(
        "search", ["collection": "c", "k": 1, "queries": [["image": try TestPicture.image(9)]]])
      #expect(first["result"]?["results"]?.array?[0]["neighbours"]?.array?[0]["id"] == "t1")
      #expect(
        try await client.call("list", ["collection": "c"])["result"]?["items"]?.array?.map { $0["id"] } == [
          "t1", "t2", "t3",
        ])
    }
  }

  @Test("skip tells regions of one file apart, encodes none again, and an image's region is its item's unless it says")
  func regions() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      func region(_ x: Int64) -> JSONValue { ["x": .integer(x), "y": 0, "width": 32, "height": 32, "level": 0] }
      let file = try TestPicture.jpeg(1)
      func item(_ part: JSONValue?, in slide: JSONValue? = nil) -> JSONValue {
        var image: JSONObject = ["data": .string(Base64.encode(file))]
        image["region"] = part
        var item: JSONObject = ["id": "t", "image": .object(image)]
        item["region"] = slide
        return .object(item)
      }
      func add(_ item: JSONValue, _ policy: String = "skip") async throws -> String {
        let answer = try await client.call(
          "add", ["collection": "c", "items": [item], "on_conflict": .string(policy)])
        let place = answer["result"]?["items"]?.array?[0]
        return place?["status"]?.string ?? place?.errorName ?? ""
      }
      func stored() async throws -> JSONValue? {
        let answer = try await client.call("get", ["collection": "c", "ids": ["t"], "include": ["region"]])
        return answer["result"]?["items"]?.array?[0]["region"]
      }
      #expect(try await add(item(region(0))) == "stored")
      #expect(try await stored() == region(0))
      let encoded = daemon.server.statistics.snapshot.images
      #expect(try await add(item(region(0))) == "skipped")
      #expect(try await add(item(region(16))) == "conflict")
      #expect(try await add(item(nil)) == "conflict")
      #expect(daemon.server.statistics.snapshot.images == encoded)
      #expect(try await add(item(region(0), in: region(500)), "replace") == "stored")
      #expect(try await stored() == region(500))
      #expect(try await add(item(region(0), in: region(500))) == "skipped")
      #expect(try await add(item(region(0))) == "conflict")
    }
  }

  @Test("an image's embedding is the same bit for bit alone, in batches of any size and among many clients")
  func bitIdentical() async throws {
    try await TestDaemon.run { daemon in
      let alone = try daemon.client()
      var truth: [JSONValue?] = []
      for seed in 0..<12 {
        let answer = try await alone.call("encode", ["images": [try TestPicture.image(seed)], "encoding": "base64"])
        truth.append(answer["result"]?["embeddings"]?.array?[0])
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, seeds) in [[3], [1, 0], [11, 5, 7, 2, 9, 4, 6], Array(0..<12), [8, 8, 8], [10, 3]].enumerated() {
          group.addTask { [truth] in
            let client = try daemon.client()
            let images = try seeds.map { try TestPicture.image($0) }
            let answer = try await client.call("encode", ["images": .array(images), "encoding": "base64"], id: number)
            #expect(answer["result"]?["embeddings"]?.array == seeds.compactMap { truth[$0] })
          }
        }
        try await group.waitForAll()
      }
      let plain = try await alone.call("encode", ["images": [try TestPicture.image(0)], "normalize": false])
      let raw = try #require(plain["result"]?["embeddings"]?.array?[0].array).compactMap(\.number)
      let unit = try #require(truth[0]?.string.flatMap(Base64.decodeFloats))
      let length = raw.map { $0 * $0 }.reduce(0, +).squareRoot()
      for (raw, unit) in zip(raw, unit) { #expect(abs(raw / length - Double(unit)) < 1e-5) }
    }
  }

  @Test("one bad item fails alone, with its place and its reason")
  func badItems() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      let jpeg = try TestPicture.jpeg(1)
      try jpeg.write(to: URL(filePath: daemon.images + "/a.jpg"))
      try FileManager.default.createSymbolicLink(
        atPath: daemon.images + "/link.jpg", withDestinationPath: "/etc/passwd")
      let nan = Base64.encode([Float](repeating: .nan, count: 64))
      let items: [JSONValue] = [
        ["id": "good", "image": try TestPicture.image(1)],
        ["id": "truncated", "image": ["data": .string(Base64.encode(jpeg.prefix(jpeg.count / 2)))]],
        ["id": "text", "image": ["data": .string(Base64.encode(Array("no picture at all".utf8)))]],
        ["id": "empty", "image": ["data": ""]],
        ["id": "not base64", "image": ["data": "§"]],
        ["id": "path", "image": ["path": "a.jpg"]],
        ["id": "outside", "image": ["path": "/etc/passwd"]],
        ["id": "dots", "image": ["path": "../state/archive.sqlite"]],
        ["id": "link", "image": ["path": "link.jpg"]],
        ["id": "nan", "embedding": .string(nan), "encoding": "base64"],
        ["id": "zero", "embedding": .array(Array(repeating: 0, count: 64))],
        ["id": "short", "embedding": [1, 2, 3]],
        ["id": "vector", "embedding": .array((0..<64).map { .integer($0) })],
        ["id": "stranger", "image": try TestPicture.image(2), "colour": "red"],
        ["image": try TestPicture.image(2)],
        7,
      ]
      let answer = try await client.call("add", ["collection": "c", "items": .array(items)])
      let places = try #require(answer["result"]?["items"]?.array)
      #expect(
        places.map { $0["status"]?.string ?? $0.errorName } == [
          "stored", "image_unreadable", "image_unreadable", "image_unreadable", "invalid_params", "stored",
          "image_unreadable", "image_unreadable", "image_unreadable", "invalid_params", "invalid_params",
          "model_mismatch", "stored", "invalid_params", "invalid_params", "invalid_params",
        ])
      for (index, place) in places.enumerated() where place.errorName != nil {
        #expect(place["error"]?["data"]?["index"]?.integer == index)
      }
      #expect(places[13].errorMessage.contains("params.items[13].colour"))
      #expect(try await client.call("count", ["collection": "c"])["result"]?["count"] == 3)
    }
  }

  @Test("what concerns the whole request fails it, by name and with its limit")
  func requestErrors() async throws {
    try await TestDaemon.run({ $0.queueLength = 4 }) { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      let image = try TestPicture.image(1)
      let cases: [(String, JSONObject, String)] = [
        ("create", ["collection": "c"], "conflict"),
        ("search", ["collection": "d", "queries": [["image": image]]], "not_found"),
        ("add", ["collection": "d", "items": [["id": "a", "image": image]]], "not_found"),
        ("drop", ["collection": "d"], "not_found"), ("list", ["collection": "c", "after": "x"], "not_found"),
        // More than the queue can ever hold: trying again would not help.
        ("encode", ["images": .array(Array(repeating: image, count: 5))], "too_large"),
        ("encode", ["images": .array(Array(repeating: image, count: 257))], "too_large"),
        ("search", ["collection": "c", "k": 1001, "queries": [["image": image]]], "too_large"),
        ("search", ["collection": "c", "k": 0, "queries": [["image": image]]], "invalid_params"),
        (
          "search",
          [
            "collection": "c", "k": 1000, "include": ["thumbnail"],
            "queries": .array(Array(repeating: ["id": "x"], count: 200)),
          ], "too_large"
        ),
        ("remove", ["collection": "c"], "invalid_params"),
        ("remove", ["collection": "c", "filter": [:]], "invalid_params"),
        ("search", ["collection": "c", "queries": [["id": "x"]], "exclude_smae": "slide"], "invalid_params"),
        ("nothing", [:], "method_not_found"), ("status", ["verbose": true], "invalid_params"),
      ]
      for (method, params, name) in cases {
        let answer = try await client.call(method, params)
        #expect(answer.errorName == name, "\(method): \(answer.errorMessage)")
        #expect(!answer.errorMessage.isEmpty)
        if name == "too_large" || name == "overloaded" { #expect(answer["error"]?["data"]?["limit"] != nil) }
      }
      let lost = try await client.call(
        "search", ["collection": "c", "exclude_same": "patient", "queries": [["id": "x"], ["image": image]]])
      #expect(lost["result"]?["results"]?.array?.map(\.errorName) == ["not_found", "invalid_params"])
      #expect(await daemon.engine.scheduler.inHand == 0)
      #expect(await daemon.server.memory.isGivenBack)
    }
  }

  @Test("adding tells its progress, up to the last item, before its answer")
  func progress() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      let items = try (0..<24).map { try item($0) }
      var message = try await client.call("add", ["collection": "c", "items": .array(items), "progress": true], id: 4)
      var done: [Int] = []
      while message["method"] == "progress" {
        #expect(message["params"]?["id"] == 4)
        #expect(message["params"]?["total"] == 24)
        done.append(message["params"]?["done"]?.integer ?? -1)
        message = try await client.message()
      }
      #expect(done.last == 24)
      #expect(done == done.sorted())
      #expect(message["result"]?["items"]?.array?.count == 24)
    }
  }

  @Test("while loading, status says what is being done and everything else is not_ready")
  func loading() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      #expect(try await client.call("status")["result"]?["state"] == "ready")
      daemon.readiness.loading("reading the model")
      let status = try await client.call("status")["result"]
      #expect(status?["state"] == "loading")
      #expect(status?["doing"] == "reading the model")
      let refused = try await client.call("collections")
      #expect(refused.errorName == "not_ready")
      #expect(refused.errorMessage.contains("reading the model"))
      daemon.readiness.ready(daemon.engine)
    }
  }

  @Test("status and metrics count and time what was done")
  func numbers() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("encode", ["images": [try TestPicture.image(1), ["data": "AAAA"]]])
      let status = try #require(try await client.call("status")["result"])
      #expect(status["protocol"] == 1)
      #expect(status["model"]?["dimension"] == 64)
      #expect(status["counts"]?["images"] == 1)
      #expect(status["queue"] == ["depth": 0, "capacity": 4096])
      #expect(status["limits"]?["items"] == 256)
      let stages = try #require(status["latency_ms"]?.array)
      #expect(stages.map { $0["stage"] } == ["decode", "wait", "encode", "search", "total"])
      #expect(stages.map { $0["count"] } == [1, 1, 1, 0, 1])
      #expect(stages[2]["p50"]?.number ?? 0 > 0)
      let text = try #require(try await client.call("metrics")["result"]?["text"]?.string)
      #expect(text.contains("\nesvitd_images_encoded_total 1\n"))
      #expect(text.contains("esvitd_errors_total{name=\"image_unreadable\"} 1\n"))
      #expect(text.contains("esvitd_stage_seconds_count{stage=\"decode\"} 1\n"))
    }
  }
}
