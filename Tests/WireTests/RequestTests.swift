import Testing

@testable import Wire

@Suite("Requests")
struct RequestTests {
  private func decode(_ text: String) -> RequestLine { RequestLine.decode(Array(text.utf8)) }

  private func single(_ text: String) throws -> Result<Request, RejectedRequest> {
    guard case .single(let result) = decode(text) else {
      Issue.record("no single request: \(text)")
      throw ErrorObject(.internalError, "no single request")
    }
    return result
  }

  @Test("ids are strings, whole numbers or null; without one it is a notification")
  func ids() throws {
    let ids: [(String, RequestID?)] = [
      (#""id":"a","#, .string("a")), (#""id":-7,"#, .number(-7)), (#""id":null,"#, .null), ("", nil),
    ]
    for (text, id) in ids {
      let request = try single(#"{"jsonrpc":"2.0",\#(text)"method":"status"}"#).get()
      #expect(request == Request(id: id, method: "status"))
    }
    for bad in ["1.5", "true", "[]", "{}", "99999999999999999999"] {
      guard case .failure(let rejected) = try single(#"{"jsonrpc":"2.0","id":\#(bad),"method":"status"}"#) else {
        Issue.record("id \(bad) was taken")
        continue
      }
      #expect(rejected.id == .null)
      #expect(rejected.error.code == .invalidRequest)
    }
  }

  @Test(
    "a malformed envelope is rejected by name, with the id where it can be read",
    arguments: [
      (#"{"id":1,"method":"status"}"#, ErrorCode.invalidRequest, RequestID.number(1), "jsonrpc"),
      (#"{"jsonrpc":"1.0","id":1,"method":"status"}"#, .invalidRequest, .number(1), "jsonrpc"),
      (#"{"jsonrpc":2.0,"id":1,"method":"status"}"#, .invalidRequest, .number(1), "jsonrpc"),
      (#"{"jsonrpc":"2.0","id":1}"#, .invalidRequest, .number(1), "method"),
      (
        #"{"jsonrpc":"2.0","id":"x","method":7}"#, .invalidRequest, .string("x"),
        "method: expected a string, found an integer"
      ),
      (#"{"jsonrpc":"2.0","id":1,"method":"status","params":[1]}"#, .invalidParams, .number(1), "by name"),
      (#"{"jsonrpc":"2.0","id":1,"method":"status","params":"x"}"#, .invalidRequest, .number(1), "params"),
      (#"{"jsonrpc":"2.0","id":1,"method":"status","progress":true}"#, .invalidRequest, .number(1), "progress"),
      (#"{"jsonrpc":"2.0","id":1,"id":2,"method":"status"}"#, .parseError, .null, "\"id\" a second time"),
      (#"{"jsonrpc":"2.0","id":1,"method":"#, .parseError, .null, "JSON"), ("17", .invalidRequest, .null, "object"),
      ("[]", .invalidRequest, .null, "empty"),
    ])
  func malformed(_ text: String, _ code: ErrorCode, _ id: RequestID, _ mention: String) throws {
    guard case .failure(let rejected) = try single(text) else {
      Issue.record("taken: \(text)")
      return
    }
    #expect(rejected.error.code == code)
    #expect(rejected.id == id)
    #expect(rejected.error.message.contains(mention), "\(rejected.error.message)")
  }

  @Test("a batch keeps its order; each bad element is rejected alone")
  func batch() {
    let text = #"[{"jsonrpc":"2.0","id":1,"method":"a"},1,{"jsonrpc":"2.0","method":"b"},{"foo":"boo"}]"#
    guard case .batch(let elements) = decode(text) else {
      Issue.record("no batch")
      return
    }
    #expect(elements.count == 4)
    #expect((try? elements[0].get())?.id == .number(1))
    #expect((try? elements[1].get()) == nil)
    #expect((try? elements[2].get())?.method == "b")
    #expect((try? elements[2].get())?.id == nil)
    #expect((try? elements[3].get()) == nil)
    let many = "[" + (0..<257).map { _ in "1" }.joined(separator: ",") + "]"
    guard case .single(.failure(let rejected)) = decode(many) else {
      Issue.record("a batch over the limit was taken")
      return
    }
    #expect(rejected.error.code == .tooLarge)
    #expect(rejected.error.limit == 256)
  }

  @Test("nesting and values beyond the bounds are too_large, not parse errors")
  func bounds() throws {
    guard case .failure(let rejected) = try single(String(repeating: "[", count: 5_000)) else {
      Issue.record("taken")
      return
    }
    #expect(rejected.error.code == .tooLarge)
    #expect(rejected.error.limit == JSONParser.maximumDepth)
  }
}
