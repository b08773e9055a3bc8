import Testing

@testable import Wire

@Suite("Calls")
struct CallTests {
  private static let vector = "[1,0,0]"

  private func call(_ method: String, _ params: String) throws(ErrorObject) -> Call {
    let text = #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#
    guard case .single(.success(let request)) = RequestLine.decode(Array(text.utf8)) else {
      throw ErrorObject(.internalError, "the envelope was refused: \(text)")
    }
    return try Call(request)
  }

  private func error(_ method: String, _ params: String) -> ErrorObject? {
    do { _ = try call(method, params) } catch { return error }
    return nil
  }

  @Test("what a client writes, a daemon reads as the same call")
  func roundTrip() throws {
    let picture = Picture(.data([0xFF, 0xD8, 0x00]), region: Region(x: 1, y: 2, width: 3, height: 4, level: 1))
    let filter = Filter(
      [.label: ["a", "b"], .site: ["x"]], metadata: ["grade": [2], "stain": ["HE", "IHC"], "ok": [true]])
    let item = Item(
      id: "é/1", content: .image(picture), label: "healthy", slide: "S", patient: "P", site: "colon", source: "a.tif",
      region: Region(x: 0, y: 0, width: 224, height: 224), mpp: 0.25,
      metadata: ["grade": 2, "note": "q\"", "ok": false])
    let calls: [Call] = [
      .encode(EncodeParameters(images: [picture, Picture(.path("/a b/ü.png"))], encoding: .base64, normalize: false)),
      .search(
        SearchParameters(
          collection: "c",
          queries: [Query(.content(.embedding([0.1, -2])), slide: "S"), Query(.id("x"), patient: "P")],
          k: 1_000, filter: filter, exclude: Filter([.patient: ["P"]]), excludeSame: .patient, distinct: .slide,
          include: [.thumbnail, .metadata])),
      .add(
        AddParameters(
          collection: "c", items: [item, Item(id: "2", content: .embedding([1e-20, 3]))], onConflict: .skip)),
      .get(GetParameters(collection: "c", ids: ["a", "b"], include: Set(IncludeField.allCases))),
      .list(ListParameters(collection: "c", filter: filter, after: "a", limit: 1_000, include: [.sha256])),
      .count(CountParameters(collection: "c", filter: nil, by: .patient)),
      .remove(RemoveParameters(collection: "c", which: .ids(["a"]))),
      .remove(RemoveParameters(collection: "c", which: .filter(filter))),
      .collections, .create(collection: "c"), .drop(collection: "c"), .status, .metrics,
    ]
    for call in calls {
      for progress in [false, true] {
        let line = call.line(id: .number(7), progress: progress)
        #expect(line.last == 0x0A && line.dropLast().allSatisfy { $0 != 0x0A })
        guard case .single(.success(let request)) = RequestLine.decode(line) else {
          Issue.record("refused: \(String(decoding: line, as: UTF8.self))")
          continue
        }
        #expect(request.id == .number(7))
        #expect(request.wantsProgress == progress)
        #expect(try Call(request) == call)
      }
    }
    #expect(Set(calls.map(\.method)) == Set(Call.methods))
  }

  @Test("parameters left out have the protocol's defaults")
  func defaults() throws {
    #expect(
      try call("search", #"{"collection":"c","queries":[{"id":"a"}]}"#)
        == .search(SearchParameters(collection: "c", queries: [Query(.id("a"))], k: 10)))
    #expect(try call("list", #"{"collection":"c"}"#) == .list(ListParameters(collection: "c", limit: 100)))
  }

  @Test(
    "an unknown parameter is named, whatever the method",
    arguments: [
      ("search", #"{"collection":"c","queries":[{"id":"a"}],"exclude_smae":"patient"}"#, "params.exclude_smae"),
      ("encode", #"{"images":[{"path":"a"}],"normalise":true}"#, "params.normalise"),
      ("add", #"{"collection":"c","items":[{"id":"a","embedding":[1]}],"onConflict":"skip"}"#, "params.onConflict"),
      ("get", #"{"collection":"c","ids":["a"],"id":"a"}"#, "params.id"),
      ("list", #"{"collection":"c","offset":1}"#, "params.offset"),
      ("count", #"{"collection":"c","ids":["a"]}"#, "params.ids"),
      ("remove", #"{"collection":"c","ids":["a"],"all":true}"#, "params.all"), ("collections", #"{"x":1}"#, "params.x"),
      ("create", #"{"collection":"c","dimension":3}"#, "params.dimension"),
      ("drop", #"{"collection":"c","y":1}"#, "params.y"),
      ("status", #"{"verbose":true}"#, "params.verbose"), ("metrics", #"{"format":"x"}"#, "params.format"),
      ("search", #"{"collection":"c","queries":[{"id":"a"}],"filter":{"labels":"x"}}"#, "params.filter.labels"),
    ])
  func unknown(_ method: String, _ params: String, _ name: String) {
    let found = error(method, params)
    #expect(found?.code == .invalidParams)
    #expect(found?.message.hasPrefix(name + ": unknown parameter") == true, "\(String(describing: found))")
  }

  /// Every parameter of every method, with what it must be: a value of each other type is refused by its name.
  @Test(
    "a wrong type is told with the parameter's name and the type that was expected",
    arguments: [
      ("encode", "images", #"{"images":?}"#, "an array"),
      ("encode", "encoding", #"{"images":[{"path":"a"}],"encoding":?}"#, "one of"),
      ("encode", "normalize", #"{"images":[{"path":"a"}],"normalize":?}"#, "a boolean"),
      ("encode", "progress", #"{"images":[{"path":"a"}],"progress":?}"#, "a boolean"),
      ("search", "collection", #"{"collection":?,"queries":[{"id":"a"}]}"#, "a string"),
      ("search", "queries", #"{"collection":"c","queries":?}"#, "an array"),
      ("search", "k", #"{"collection":"c","queries":[{"id":"a"}],"k":?}"#, "an integer"),
      ("search", "filter", #"{"collection":"c","queries":[{"id":"a"}],"filter":?}"#, "an object"),
      ("search", "exclude", #"{"collection":"c","queries":[{"id":"a"}],"exclude":?}"#, "an object"),
      ("search", "exclude_same", #"{"collection":"c","queries":[{"id":"a"}],"exclude_same":?}"#, "one of"),
      ("search", "distinct", #"{"collection":"c","queries":[{"id":"a"}],"distinct":?}"#, "one of"),
      ("search", "include", #"{"collection":"c","queries":[{"id":"a"}],"include":?}"#, "an array"),
      ("add", "collection", #"{"collection":?,"items":[{"id":"a","embedding":[1]}]}"#, "a string"),
      ("add", "items", #"{"collection":"c","items":?}"#, "an array"),
      ("add", "on_conflict", #"{"collection":"c","items":[{"id":"a","embedding":[1]}],"on_conflict":?}"#, "one of"),
      ("get", "collection", #"{"collection":?,"ids":["a"]}"#, "a string"),
      ("get", "ids", #"{"collection":"c","ids":?}"#, "an array"),
      ("get", "include", #"{"collection":"c","ids":["a"],"include":?}"#, "an array"),
      ("list", "collection", #"{"collection":?}"#, "a string"),
      ("list", "after", #"{"collection":"c","after":?}"#, "a string"),
      ("list", "limit", #"{"collection":"c","limit":?}"#, "an integer"),
      ("list", "filter", #"{"collection":"c","filter":?}"#, "an object"),
      ("list", "include", #"{"collection":"c","include":?}"#, "an array"),
      ("count", "collection", #"{"collection":?}"#, "a string"),
      ("count", "by", #"{"collection":"c","by":?}"#, "one of"),
      ("count", "filter", #"{"collection":"c","filter":?}"#, "an object"),
      ("remove", "collection", #"{"collection":?,"ids":["a"]}"#, "a string"),
      ("remove", "ids", #"{"collection":"c","ids":?}"#, "an array"),
      ("remove", "filter", #"{"collection":"c","filter":?}"#, "an object"),
      ("create", "collection", #"{"collection":?}"#, "a string"),
      ("drop", "collection", #"{"collection":?}"#, "a string"),
    ])
  func wrongTypes(_ method: String, _ name: String, _ params: String, _ expected: String) {
    let values = [
      ("null", "null"), ("true", "a boolean"), ("7", "an integer"), ("1.5", "a number"), (#""~""#, "a string"),
      ("[]", "an array"), ("{}", "an object"),
    ]
    for (value, type) in values where type != expected {
      let found = error(method, params.replacing("?", with: value))
      #expect(found?.code == .invalidParams)
      #expect(
        found?.message.hasPrefix("params.\(name): expected \(expected)") == true,
        "\(value): \(String(describing: found))")
    }
  }

  @Test("a missing parameter is named")
  func missing() {
    let cases = [
      ("encode", "{}", "images"), ("search", "{}", "collection"), ("search", #"{"collection":"c"}"#, "queries"),
      ("add", #"{"collection":"c"}"#, "items"), ("get", #"{"collection":"c"}"#, "ids"), ("create", "{}", "collection"),
      ("remove", #"{"collection":"c"}"#, "\"ids\" or \"filter\""),
      ("remove", #"{"collection":"c","ids":["a"],"filter":{"label":"x"}}"#, "\"ids\" or \"filter\""),
      ("list", #"{"collection":""}"#, "not empty"), ("get", #"{"collection":"c","ids":[]}"#, "at least one"),
      ("remove", #"{"collection":"c","filter":{}}"#, "at least one"),
    ]
    for (method, params, mention) in cases {
      let found = error(method, params)
      #expect(found?.code == .invalidParams)
      #expect(found?.message.contains(mention) == true, "\(String(describing: found))")
    }
    #expect(error("serach", "{}")?.code == .methodNotFound)
    #expect(error("serach", "{}")?.message.contains("search") == true)
  }

  @Test("what is over a limit is too_large, with the limit named and its number")
  func limits() {
    let ids = (0..<257).map { "\"\($0)\"" }.joined(separator: ",")
    let long = String(repeating: "x", count: 1_025)
    let labels = (0..<1_001).map { "\"\($0)\"" }.joined(separator: ",")
    let cases = [
      ("search", #"{"collection":"c","queries":[{"id":"a"}],"k":1001}"#, "params.k", 1_000),
      ("get", #"{"collection":"c","ids":[\#(ids)]}"#, "items", 256),
      ("list", #"{"collection":"c","limit":1001}"#, "limit", 1_000),
      ("create", #"{"collection":"\#(long)"}"#, "text", 1_024),
      ("count", #"{"collection":"c","filter":{"label":[\#(labels)]}}"#, "filter", 1_000),
    ]
    for (method, params, mention, limit) in cases {
      let found = error(method, params)
      #expect(found?.code == .tooLarge)
      #expect(found?.limit == limit)
      #expect(found?.message.contains(mention) == true)
    }
    #expect(error("search", #"{"collection":"c","queries":[{"id":"a"}],"k":0}"#)?.code == .invalidParams)
  }

  @Test(
    "a bad item fails alone, with its place and its reason; its neighbours are read",
    arguments: [
      (#"7"#, "expected an object"), (#"{"embedding":[1]}"#, "id: missing"),
      (#"{"id":"","embedding":[1]}"#, "not empty"),
      (#"{"id":1,"embedding":[1]}"#, "id: expected a string"), (#"{"id":"b"}"#, "\"image\" or \"embedding\""),
      (#"{"id":"b","embedding":[1],"image":{"path":"a"}}"#, "not both"),
      (#"{"id":"b","image":"x"}"#, "image: expected an object"),
      (#"{"id":"b","image":{}}"#, "\"data\" or \"path\""),
      (#"{"id":"b","image":{"data":"QQ==","path":"a"}}"#, "not both"),
      (#"{"id":"b","image":{"data":"!"}}"#, "base64"), (#"{"id":"b","image":{"data":7}}"#, "base64"),
      (#"{"id":"b","image":{"path":7}}"#, "image.path: expected a string"),
      (#"{"id":"b","image":{"path":"a","page":1}}"#, "image.page: unknown"),
      (#"{"id":"b","image":{"path":"a","region":{"x":1}}}"#, "region.y: missing"),
      (#"{"id":"b","image":{"path":"a","region":{"x":-1,"y":0,"width":1,"height":1}}}"#, "region.x"),
      (#"{"id":"b","image":{"path":"a","region":{"x":0,"y":0,"width":0,"height":1}}}"#, "region.width"),
      (#"{"id":"b","embedding":7}"#, "embedding: expected an array"),
      (#"{"id":"b","embedding":[1,"x"]}"#, "embedding[1]"),
      (#"{"id":"b","embedding":[0,0]}"#, "zero vector"), (#"{"id":"b","embedding":[]}"#, "zero vector"),
      (#"{"id":"b","embedding":[1e39]}"#, "finite"),
      (#"{"id":"b","embedding":"AADAfw==","encoding":"base64"}"#, "finite"),
      (#"{"id":"b","embedding":"AACA","encoding":"base64"}"#, "float32"),
      (#"{"id":"b","embedding":"AACAPw=="}"#, "base64"),
      (#"{"id":"b","embedding":[1],"encoding":"base64"}"#, "a string"),
      (#"{"id":"b","image":{"path":"a"},"encoding":"base64"}"#, "embedding"),
      (#"{"id":"b","embedding":[1],"label":7}"#, "label: expected a string"),
      (#"{"id":"b","embedding":[1],"slide":null}"#, "slide"),
      (#"{"id":"b","embedding":[1],"patient":[]}"#, "patient"), (#"{"id":"b","embedding":[1],"site":{}}"#, "site"),
      (#"{"id":"b","embedding":[1],"source":1}"#, "source"), (#"{"id":"b","embedding":[1],"region":[]}"#, "region"),
      (#"{"id":"b","embedding":[1],"mpp":"x"}"#, "mpp: expected a number"),
      (#"{"id":"b","embedding":[1],"mpp":0}"#, "above zero"),
      (#"{"id":"b","embedding":[1],"metadata":[]}"#, "metadata: expected an object"),
      (#"{"id":"b","embedding":[1],"metadata":{"k":[1]}}"#, "metadata.k"),
      (#"{"id":"b","embedding":[1],"pateint":"P"}"#, "pateint: unknown"),
    ])
  func badItems(_ item: String, _ mention: String) throws {
    let good = #"{"id":"a","embedding":[1]}"#
    guard case .add(let parameters) = try call("add", #"{"collection":"c","items":[\#(good),\#(item),\#(good)]}"#)
    else {
      Issue.record("no add")
      return
    }
    #expect(try parameters.items[0].get().id == "a")
    #expect(try parameters.items[2].get().id == "a")
    guard case .failure(let error) = parameters.items[1] else {
      Issue.record("taken: \(item)")
      return
    }
    #expect(error.code == .invalidParams)
    #expect(error.index == 1)
    #expect(error.message.hasPrefix("params.items[1]") && error.message.contains(mention), "\(error.message)")
  }

  @Test("a query has one subject")
  func queries() throws {
    let bad = [#"{}"#, #"{"id":"a","embedding":[1]}"#, #"{"id":7}"#, #"{"id":""}"#, #"{"id":"a","label":"x"}"#, "[]"]
    let list = bad.joined(separator: ",")
    guard case .search(let parameters) = try call("search", #"{"collection":"c","queries":[\#(list)]}"#) else {
      Issue.record("no search")
      return
    }
    for (index, query) in parameters.queries.enumerated() {
      guard case .failure(let error) = query else {
        Issue.record("taken: \(bad[index])")
        continue
      }
      #expect(error.code == .invalidParams && error.index == index)
    }
  }

  @Test("an inline file over its limit is too_large before its base64 is undone")
  func inlineFile() throws {
    var limits = Limits()
    limits.inlineFile = 6
    let value = try JSONParser.parse(#"{"data":"\#(Base64.encode([UInt8](repeating: 1, count: 9)))"}"#)
    do {
      _ = try Picture(value, path: "p", limits: limits)
      Issue.record("taken")
    } catch { #expect(error.code == .tooLarge && error.limit == 6) }
    let exact = try JSONParser.parse(#"{"data":"\#(Base64.encode([UInt8](repeating: 1, count: 6)))"}"#)
    #expect(try Picture(exact, path: "p", limits: limits).source == .data([1, 1, 1, 1, 1, 1]))
  }

  @Test(
    "values that are out of bounds say so by the right name",
    arguments: [
      (
        #"{"collection":"c","queries":[{"id":"a"}],"k":1000000000000000000000000000000}"#, ErrorCode.tooLarge,
        "limit is 1000"
      ),
      (#"{"collection":"c","queries":[{"id":"a"}],"k":-1e30}"#, .invalidParams, "at least 1"),
      (#"{"collection":"c","queries":[{"id":"a"}],"k":1.5}"#, .invalidParams, "expected an integer"),
      (
        "{\"collection\":\"c\",\"queries\":[{\"id\":\"a\"}],\"filter\":{\"metadata\":{\"\u{E9}\":1,\"e\u{301}\":2}}}",
        .invalidParams, "params.filter.metadata: the name \"e\u{301}\" comes in two spellings"
      ),
    ])
  func bounds(params: String, code: ErrorCode, says: String) throws {
    let params = try #require(try JSONParser.parse(params).object)
    let error = try #require(throws: ErrorObject.self) {
      try Call(Request(id: .number(1), method: "search", params: params))
    }
    #expect(error.code == code)
    #expect(error.message.contains(says), "\(error.message)")
  }

  @Test(
    "a path that is empty or has a NUL is refused for that reason, and two spellings of a name of metadata for theirs",
    arguments: [
      (#"{"id":"a","image":{"path":"a\u0000b.jpg"}}"#, "params.items[0].image.path: holds a NUL"),
      (#"{"id":"a","image":{"path":""}}"#, "params.items[0].image.path: expected a path that is not empty"),
      (#"{"id":"a","embedding":[1],"metadata":{"\u00e9":1,"e\u0301":2}}"#, "params.items[0].metadata: the name"),
    ])
  func itemBounds(item: String, says: String) throws {
    let params: JSONObject = ["collection": "c", "items": [try JSONParser.parse(item)]]
    guard case .add(let parameters) = try Call(Request(id: .number(1), method: "add", params: params)),
      case .failure(let error) = parameters.items[0]
    else { throw ErrorObject(.internalError, "the item was not refused") }
    #expect(error.code == .invalidParams)
    #expect(error.message.contains(says), "\(error.message)")
  }
}
