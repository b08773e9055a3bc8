import Testing
import Wire

@testable import Daemon

@Suite("Every parameter of every method refuses every wrong type and says where")
struct WrongTypeTests {
  /// A value of each JSON type, by the name that messages use for it.
  private static let values: [(type: String, value: JSONValue)] = [
    ("null", .null), ("a boolean", true), ("an integer", 7), ("a number", 0.5), ("a string", "?"), ("an array", [[7]]),
    ("an object", ["?": 7]),
  ]

  /// Each method with parameters that are right, and for each the types that it takes.
  private static let methods: [(name: String, params: JSONObject, types: [String: Set<String>])] = [
    (
      "encode", ["images": [["data": "AAAA"]], "encoding": "array", "normalize": true, "progress": false],
      ["images": ["an array"], "encoding": [], "normalize": ["a boolean"], "progress": ["a boolean"]]
    ),
    (
      "search",
      [
        "collection": "c", "queries": [["id": "x"]], "k": 1, "filter": ["label": "a"], "exclude": ["label": "b"],
        "exclude_same": "slide", "distinct": "patient", "include": [],
      ],
      [
        "collection": ["a string"], "queries": ["an array"], "k": ["an integer"], "filter": [], "exclude": [],
        "exclude_same": [], "distinct": [], "include": [],
      ]
    ),
    (
      "add", ["collection": "c", "items": [["id": "x"]], "on_conflict": "skip"],
      ["collection": ["a string"], "items": ["an array"], "on_conflict": []]
    ),
    (
      "get", ["collection": "c", "ids": ["x"], "include": []], ["collection": ["a string"], "ids": [], "include": []]
    ),
    (
      "list", ["collection": "c", "filter": ["label": "a"], "after": "x", "limit": 1, "include": []],
      ["collection": ["a string"], "filter": [], "after": ["a string"], "limit": ["an integer"], "include": []]
    ),
    (
      "count", ["collection": "c", "filter": ["label": "a"], "by": "label"],
      ["collection": ["a string"], "filter": [], "by": []]
    ),
    ("remove", ["collection": "c", "ids": ["x"]], ["collection": ["a string"], "ids": []]),
    ("remove", ["collection": "c", "filter": ["label": "a"]], ["filter": []]),
    ("create", ["collection": "c"], ["collection": ["a string"]]),
    ("drop", ["collection": "c"], ["collection": ["a string"]]),
    ("collections", ["progress": true], ["progress": ["a boolean"]]),
    ("status", ["progress": true], ["progress": ["a boolean"]]),
    ("metrics", ["progress": true], ["progress": ["a boolean"]]),
  ]

  /// An item and a query with everything, and the types that each member takes.
  private static let item: JSONObject = [
    "id": "x", "embedding": "?", "encoding": "base64", "label": "l", "slide": "s", "patient": "p", "site": "t",
    "source": "u", "region": ["x": 0, "y": 0, "width": 1, "height": 1, "level": 0], "mpp": 0.5, "metadata": [:],
  ]
  private static let picture: JSONObject = [
    "data": "AAAA", "region": ["x": 0, "y": 0, "width": 1, "height": 1, "level": 0],
  ]

  @Test("parameters of methods")
  func methods() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      for method in Self.methods {
        for (member, right) in method.types {
          for (type, value) in Self.values where !right.contains(type) {
            var params = method.params
            params[member] = value
            let answer = try await client.call(method.name, params)
            #expect(answer.errorName == "invalid_params", "\(method.name) \(member): \(type): \(answer)")
            #expect(
              answer.errorMessage.contains("params.\(member)"), "\(method.name) \(member): \(answer.errorMessage)")
          }
        }
        var strange = method.params
        strange["strange"] = 1
        let answer = try await client.call(method.name, strange)
        #expect(answer.errorName == "invalid_params")
      }
    }
  }

  @Test("members of items, queries, pictures and regions fail alone, with their path")
  func members() async throws {
    try await TestDaemon.run { daemon in
      let client = try daemon.client()
      _ = try await client.call("create", ["collection": "c"])
      /// Puts each wrong value at `member` of `object` and wraps it in a request; each place must hold an error.
      func check(
        _ object: JSONObject, _ right: [String: Set<String>], _ method: String, _ list: String, _ path: String,
        _ wrap: (JSONObject) -> JSONValue
      ) async throws {
        for (member, right) in right {
          let wrong = Self.values.filter { !right.contains($0.type) }
          let elements = wrong.map { value in
            var changed = object
            changed[member] = value.value
            return wrap(changed)
          }
          var params: JSONObject = [list: .array(elements)]
          if method != "encode" { params["collection"] = "c" }
          let result = try await client.call(method, params)["result"]
          let places = try #require(
            (result?["items"] ?? result?["results"] ?? result?["embeddings"])?.array, "\(method) \(member)")
          #expect(places.count == wrong.count)
          for (index, place) in places.enumerated() {
            #expect(place.errorName == "invalid_params", "\(method) \(member): \(wrong[index].type): \(place)")
            #expect(
              place.errorMessage.contains("params.\(list)[\(index)]\(path)"), "\(member): \(place.errorMessage)")
          }
        }
      }
      let text: Set<String> = ["a string"]
      try await check(
        Self.item,
        [
          "id": text, "embedding": [], "encoding": [], "label": text, "slide": text, "patient": text, "site": text,
          "source": text, "region": [], "mpp": ["an integer", "a number"], "metadata": [],
        ], "add", "items", ""
      ) { .object($0) }
      try await check(["id": "x"], ["id": text, "slide": text, "patient": text, "site": text], "search", "queries", "")
      {
        .object($0)
      }
      try await check(Self.picture, ["data": [], "path": [], "region": []], "encode", "images", "") { .object($0) }
      let number: Set<String> = ["an integer"]
      try await check(
        ["x": 0, "y": 0, "width": 1, "height": 1, "level": 0],
        ["x": number, "y": number, "width": number, "height": number, "level": number], "encode", "images", ".region"
      ) { ["data": "AAAA", "region": .object($0)] }
    }
  }
}
