import Testing

@testable import Wire

@Suite("Answers")
struct ResponseTests {
  private func text(_ line: [UInt8]) -> String { String(decoding: line, as: UTF8.self) }

  private func result(_ line: [UInt8]) throws -> JSONValue {
    guard case .answer(_, .success(let value)) = ServerMessage.decode(line) else {
      throw ErrorObject(.internalError, "no result: \(text(line))")
    }
    return value
  }

  @Test("a line is what protocol.md shows, byte by byte")
  func bytes() {
    let item = StoredItem(id: "t-0042", label: "healthy", slide: "S-7")
    let answer = SearchAnswer(
      results: [Place(.success(Neighbours([Neighbour(score: 0.981, item: item)])))], searched: 6_000, unattributed: 0)
    #expect(
      text(ResponseLine.success(.number(1), answer))
        == #"{"jsonrpc":"2.0","id":1,"result":{"results":[{"neighbours":[{"id":"t-0042","score":0.981,"label":"healthy","#
        + #""slide":"S-7"}]}],"searched":6000,"unattributed":0}}"# + "\n")
    #expect(
      text(ResponseLine.failure(.null, ErrorObject(.tooLarge, "a line", limit: 5, index: 2)))
        == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32002,"message":"a line","data":{"name":"too_large","limit":5,"#
        + #""index":2}}}"# + "\n")
    #expect(
      text(JSONWriter.line(of: Progress(id: .string("a"), done: 3, total: 9)))
        == #"{"jsonrpc":"2.0","method":"progress","params":{"id":"a","done":3,"total":9}}"# + "\n")
  }

  @Test("every code has the protocol's name")
  func codes() {
    let expected = [
      -32700: "parse_error", -32600: "invalid_request", -32601: "method_not_found", -32602: "invalid_params",
      -32603: "internal_error", -32001: "image_unreadable", -32002: "too_large", -32003: "not_found",
      -32004: "conflict",
      -32005: "model_mismatch", -32006: "overloaded", -32007: "device_failure", -32008: "storage_failure",
      -32009: "shutting_down", -32010: "forbidden", -32011: "not_ready",
    ]
    #expect(ErrorCode.names.count == expected.count)
    for (code, name) in expected { #expect(ErrorCode(rawValue: code).name == name) }
  }

  @Test("what a daemon writes, a client reads as the same answer")
  func roundTrip() throws {
    let error = ErrorObject(.imageUnreadable, "damaged", index: 1)
    let item = StoredItem(
      id: "a", label: "l", slide: "s", patient: "p", site: "x", source: "f.tif",
      region: Region(x: 1, y: 2, width: 3, height: 4), mpp: 0.5, metadata: ["a": 1],
      embedding: WireEmbedding([0.25, -1]), sha256: "00ff", thumbnail: [1, 2, 3])
    let search = SearchAnswer(
      results: [Place(.success(Neighbours([Neighbour(score: 0.1, item: item)]))), Place(.failure(error))], searched: 2,
      unattributed: 1)
    let readSearch = try #require(SearchAnswer(result(ResponseLine.success(.null, search))))
    #expect(try readSearch.results[0].outcome.get() == search.results[0].outcome.get())
    #expect(readSearch.results[1].outcome == .failure(error))
    #expect(readSearch.searched == 2 && readSearch.unattributed == 1)

    for encoding in EmbeddingEncoding.allCases {
      let values: [Float] = [0.1, -3e-20, 7]
      let answer = EncodeAnswer(
        embeddings: [Place(.success(WireEmbedding(values, encoding: encoding))), Place(.failure(error))], dimension: 3,
        model: "f")
      let read = try #require(EncodeAnswer(result(ResponseLine.success(.null, answer))))
      #expect(try read.embeddings[0].outcome.get().values == values)
      #expect(read.embeddings[1].outcome == .failure(error))
      #expect(read.dimension == 3 && read.model == "f")
    }

    let add = AddAnswer(items: [Place(.success(AddedItem(id: "a", status: .skipped))), Place(.failure(error))])
    let readAdd = try #require(AddAnswer(result(ResponseLine.success(.null, add))))
    #expect(readAdd.items.map(\.outcome) == add.items.map(\.outcome))

    let list = ListAnswer(items: [item], next: "a")
    #expect(try ListAnswer(result(ResponseLine.success(.null, list))) == list)
    let count = CountAnswer(count: 3, by: .label, groups: [.init(value: "l", count: 2), .init(value: nil, count: 1)])
    #expect(try CountAnswer(result(ResponseLine.success(.null, count))) == count)
    #expect(try RemoveAnswer(result(ResponseLine.success(.null, RemoveAnswer(removed: 4)))) == RemoveAnswer(removed: 4))
    let collections = CollectionsAnswer(
      collections: [CollectionDescription(name: "c", dimension: 8, model: "f", count: 2, bytes: 32)])
    #expect(try CollectionsAnswer(result(ResponseLine.success(.null, collections))) == collections)
  }

  @Test("a batch's answers are one array on one line")
  func batch() throws {
    #expect(ResponseLine.batch([]) == nil)
    let lines = [
      ResponseLine.success(.number(1), JSONValue.bool(true)),
      ResponseLine.failure(.number(2), ErrorObject(.notFound, "x")),
    ]
    let line = try #require(ResponseLine.batch(lines))
    #expect(line.filter { $0 == 0x0A }.count == 1)
    guard case .batch(let messages) = ServerMessage.decode(line) else {
      Issue.record("no batch")
      return
    }
    #expect(
      messages == [
        .answer(id: .number(1), .success(true)), .answer(id: .number(2), .failure(ErrorObject(.notFound, "x"))),
      ])
  }

  @Test("members and codes of a newer daemon are passed over or passed on")
  func newer() throws {
    let line = #"{"jsonrpc":"2.0","id":1,"error":{"code":-32050,"message":"m","data":{"name":"new_kind","x":1}},"y":2}"#
    guard case .answer(let id, .failure(let error)) = ServerMessage.decode(Array(line.utf8)) else {
      Issue.record("not read")
      return
    }
    #expect(id == .number(1))
    #expect(error.code.rawValue == -32050 && error.name == "new_kind")
    #expect(ServerMessage.decode(Array("{}".utf8)) == nil)
    #expect(ServerMessage.decode(Array("no json".utf8)) == nil)
  }
}
