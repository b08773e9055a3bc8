import Foundation
import Synchronization
import Testing
import Wire

@testable import Daemon

@Suite struct ServerTests {
  @Test("answers carry their request's id and may overtake each other")
  func outOfOrder() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler) { server in
      let client = try server.client()
      try await client.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"# + "\n")
      await handler.begun.reached(1)
      try await client.send(#"{"jsonrpc":"2.0","id":"b","method":"echo","params":{"x":1}}"# + "\n")
      let first = try await client.message()
      #expect(first["id"] == "b")
      #expect(first["result"] == ["x": 1])
      handler.release.open()
      #expect(try await client.message()["id"] == 1)
    }
  }

  @Test("a batch array is answered by one array, notifications left out; only notifications: no answer")
  func batches() async throws {
    try await TestServer.run(ScriptedHandler()) { server in
      let client = try server.client()
      let echo = #"{"jsonrpc":"2.0","method":"echo"}"#
      try await client.send("[\(echo),\(echo)]\n\(echo)\n")
      try await client.send(
        #"[{"jsonrpc":"2.0","id":1,"method":"echo"},"# + echo + #",7,{"jsonrpc":"2.0","id":2,"method":"nope"}]"#
          + "\n")
      let batch = try #require(try await client.message().array)
      #expect(batch.map { $0["id"] } == [1, .null, 2])
      #expect(batch.map { $0["error"]?["data"]?["name"]?.string } == [nil, "invalid_request", "method_not_found"])
      try await client.send("[]\n")
      #expect(try await client.message()["error"]?["code"] == -32600)
    }
  }

  @Test("progress is told where it was asked for, before the answer, and nowhere else")
  func progress() async throws {
    try await TestServer.run(ScriptedHandler()) { server in
      let client = try server.client()
      try await client.send(#"{"jsonrpc":"2.0","id":9,"method":"steps","params":{"progress":true}}"# + "\n")
      for step in 1...3 {
        let message = try await client.message()
        #expect(message["method"] == "progress")
        #expect(message["params"] == ["id": 9, "done": .integer(Int64(step)), "total": 3])
      }
      #expect(try await client.message()["result"] == "done")
      #expect(try await client.call("steps")["result"] == "done")
    }
  }

  @Test(
    "a hostile line is answered by an error, and the connection lives on",
    arguments: [
      ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\u{0}\"", "parse_error"), ("nonsense", "parse_error"),
      (String(repeating: "[", count: 100_000), "too_large"), (#"{"a":1,"a":2}"#, "parse_error"),
      ("42", "invalid_request"),
      (#"{"jsonrpc":"1.0","id":1,"method":"echo"}"#, "invalid_request"),
      (#"{"jsonrpc":"2.0","id":[1],"method":"echo"}"#, "invalid_request"),
      (#"{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}"#, "invalid_params"),
    ])
  func hostileLines(line: String, name: String) async throws {
    try await TestServer.run(ScriptedHandler()) { server in
      let client = try server.client()
      try await client.send(line + "\n")
      #expect(try await client.message()["error"]?["data"]?["name"]?.string == name)
      #expect(try await client.call("echo")["result"] == [:])
      #expect(await server.memory.isGivenBack)
    }
  }

  @Test("bytes that are no UTF-8 are a parse error")
  func invalidUTF8() async throws {
    try await TestServer.run(ScriptedHandler()) { server in
      let client = try server.client()
      try await client.send(
        Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8) + [0xC3, 0x28, 0xFF] + Array("\"}\n".utf8))
      #expect(try await client.message()["error"]?["code"] == -32700)
    }
  }

  @Test("a line over the limit is answered with too_large, read no further, and closed; its memory is free again")
  func lineOverLimit() async throws {
    var limits = Limits()
    limits.line = 1 << 20
    try await TestServer.run(ScriptedHandler(), limits: limits) { server in
      let client = try server.client()
      // 100 MB, of which the client may be kept from sending most.
      let sending = Task {
        for _ in 0..<100 { try await client.send([UInt8](repeating: 0x20, count: 1_000_000)) }
      }
      let error = try await client.message()["error"]
      #expect(error?["data"] == ["name": "too_large", "limit": .integer(1 << 20)])
      _ = await sending.result
      client.endWriting()
      #expect(try await client.line() == nil)
      #expect(await server.memory.isGivenBack)
      #expect(try await server.client().call("echo")["result"] == [:])
    }
  }

  @Test(
    "beyond the memory for requests a line is refused as overloaded and passed over; small requests still get through")
  func memoryOverload() async throws {
    var limits = Limits()
    limits.inHand = 1 << 20
    let handler = ScriptedHandler()
    try await TestServer.run(handler, limits: limits) { server in
      let (first, second) = (try server.client(), try server.client())
      let padding = String(repeating: "x", count: 700_000)
      try await first.send(#"{"jsonrpc":"2.0","id":1,"method":"wait","params":{"p":""# + padding + "\"}}\n")
      await handler.begun.reached(1)
      #expect(server.memory.inHand > 690_000)
      try await second.send(#"{"jsonrpc":"2.0","id":1,"method":"echo","params":{"p":""# + padding + "\"}}\n")
      let refused = try await second.message()
      #expect(refused["error"]?["data"]?["name"] == "overloaded")
      #expect(refused["id"] == 1)
      #expect(refused["error"]?["data"]?["limit"] == .integer(1 << 20))
      #expect(try await second.call("echo", id: 2)["id"] == 2)
      handler.release.open()
      #expect(try await first.message()["result"] == "waited")
      #expect(try await second.call("echo", ["p": .string(padding)], id: 3)["id"] == 3)
    }
  }

  @Test("a client that hangs up has its work cancelled and its memory freed")
  func hangUp() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler) { server in
      let client = try server.client()
      for id in 1...3 { try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"method":"wait"}"# + "\n") }
      await handler.begun.reached(3)
      client.close()
      await handler.cancelled.reached(3)
    }
  }

  @Test("a client that closes its writing side only still gets its answers")
  func halfClose() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler) { server in
      let client = try server.client()
      try await client.send(
        #"{"jsonrpc":"2.0","id":1,"method":"wait"}"# + "\n"
          + #"{"jsonrpc":"2.0","id":2,"method":"big","params":{"bytes":3000000}}"# + "\n")
      client.endWriting()
      await handler.begun.reached(1)
      handler.release.open()
      let ids = [try await client.message()["id"]?.integer, try await client.message()["id"]?.integer]
      #expect(Set(ids) == [1, 2])
      #expect(try await client.line() == nil)
    }
  }

  @Test("a client that does not read its answers delays nobody and is disconnected in the end")
  func slowReader() async throws {
    try await TestServer.run(ScriptedHandler(), stallTimeout: .milliseconds(400)) { server in
      let (slow, quick) = (try server.client(), try server.client())
      // At once: the server may end the connection as soon as its first answer is not read.
      let requests = (0..<8).map { #"{"jsonrpc":"2.0","id":\#($0),"method":"big","params":{"bytes":4000000}}"# + "\n" }
      try await slow.send(requests.joined())
      for id in 0..<50 { #expect(try await quick.call("echo", id: id)["id"]?.integer == id) }
      while server.statistics.snapshot.connections > 1 { try await Task.sleep(for: .milliseconds(10)) }
      // What the kernel had taken can still be read; then the connection is gone before all eight answers came.
      var bytes = 0
      while let line = try? await slow.line() { bytes += line.count }
      #expect(bytes < 8 * 4_000_000)
      #expect(try await quick.call("echo")["result"] == [:])
    }
  }

  @Test("an unfinished line and an idle connection are ended in time; a working one is not")
  func silence() async throws {
    let handler = ScriptedHandler()
    // Long enough that a slow machine has sent what is to be sent by then.
    try await TestServer.run(handler, idleTimeout: .seconds(2), stallTimeout: .seconds(1)) { server in
      let busy = try server.client()
      try await busy.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"# + "\n")
      await handler.begun.reached(1)
      let unfinished = try server.client()
      try await unfinished.send("{\"jsonrpc\":")
      let idle = try server.client()
      #expect(try await unfinished.line() == nil)
      #expect(try await idle.line() == nil)
      handler.release.open()
      #expect(try await busy.message()["result"] == "waited")
    }
  }

  @Test("a client may have so many requests in hand; further ones wait unread until one is answered")
  func requestsPerConnection() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler, requestsPerConnection: 2) { server in
      let client = try server.client()
      for id in 1...5 { try await client.send(#"{"jsonrpc":"2.0","id":\#(id),"method":"wait"}"# + "\n") }
      await handler.begun.reached(2)
      #expect(try await server.client().call("echo")["result"] == [:])
      #expect(handler.begun.count == 2)
      handler.release.open()
      var ids: Set<Int> = []
      for _ in 1...5 { ids.insert(try await client.message()["id"]?.integer ?? 0) }
      #expect(ids == [1, 2, 3, 4, 5])
    }
  }

  @Test("a connection over the limit is told so and closed; when another one ends there is room again")
  func connectionLimit() async throws {
    var limits = Limits()
    limits.connections = 2
    try await TestServer.run(ScriptedHandler(), limits: limits) { server in
      let first = try server.client()
      let second = try server.client()
      #expect(try await first.call("echo")["id"] == 1)
      #expect(try await second.call("echo")["id"] == 1)
      let third = try server.client()
      #expect(try await third.message()["error"]?["data"] == ["name": "overloaded", "limit": 2])
      #expect(try await third.line() == nil)
      second.close()
      var answer: JSONValue = .null
      while answer["result"] == nil { answer = (try? await server.client().call("echo")) ?? .null }
    }
  }

  @Test("draining answers what is in hand, refuses what is new, takes no connection and then ends")
  func drain() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler) { server in
      let (busy, other) = (try server.client(), try server.client())
      #expect(try await other.call("echo")["id"] == 1)
      try await busy.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"# + "\n")
      await handler.begun.reached(1)
      server.server.shutDown()
      #expect(try await other.call("echo", id: 5)["error"]?["data"]?["name"] == "shutting_down")
      handler.release.open()
      #expect(try await busy.message()["result"] == "waited")
      #expect(try await busy.line() == nil)
      #expect(try await other.line() == nil)
      #expect(throws: SocketClient.Failure.self) { try server.client() }
    }
  }

  @Test("draining ends at its time even when a request does not")
  func drainTime() async throws {
    let handler = ScriptedHandler()
    try await TestServer.run(handler, drainTime: .milliseconds(200)) { server in
      let client = try server.client()
      try await client.send(#"{"jsonrpc":"2.0","id":1,"method":"wait"}"# + "\n")
      await handler.begun.reached(1)
      server.server.shutDown()
      #expect(try await client.line() == nil)
      await handler.cancelled.reached(1)
    }
  }

  @Test("a last line needs no line feed")
  func unterminatedLine() async throws {
    try await TestServer.run(ScriptedHandler()) { server in
      let client = try server.client()
      try await client.send(#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#)
      client.endWriting()
      #expect(try await client.message()["result"] == [:])
      #expect(try await client.line() == nil)
    }
  }

  @Test("an array of numbers is charged with what it takes once it is read, and only while it is")
  func arraysAreCharged() async throws {
    var limits = Limits()
    limits.inHand = 8 << 20
    let handler = ScriptedHandler()
    try await TestServer.run(handler, limits: limits) { server in
      let (first, second) = (try server.client(), try server.client())
      let padding = String(repeating: "x", count: 1 << 20)
      try await first.send(#"{"jsonrpc":"2.0","id":1,"method":"wait","params":{"p":""# + padding + "\"}}\n")
      await handler.begun.reached(1)
      // 400 kB of text, from which 200,000 values become.
      let zeros = JSONValue.array(Array(repeating: 0, count: 200_000))
      let refused = try await second.call("count", ["p": zeros], id: 7)
      #expect(refused.errorName == "overloaded")
      #expect(refused["id"] == 7)
      handler.release.open()
      #expect(try await first.message()["result"] == "waited")
      #expect(try await second.call("count", ["p": zeros], id: 8).errorName == "method_not_found")
      #expect(await server.memory.isGivenBack)
    }
  }

  @Test("a batch whose answers pass the limit of a line leaves those out that do not fit, and says so")
  func batchOverLimit() async throws {
    var limits = Limits()
    limits.line = 1 << 20
    try await TestServer.run(ScriptedHandler(), limits: limits) { server in
      let client = try server.client()
      let big = { (id: Int) in #"{"jsonrpc":"2.0","id":\#(id),"method":"big","params":{"bytes":600000}}"# }
      try await client.send("[\(big(1)),\(big(2)),\(big(3))]\n")
      let answers = try #require(try await client.message().array)
      #expect(answers.map { $0["id"]?.integer } == [1, 2, 3])
      #expect(answers.filter { $0["result"] != nil }.count == 1)
      #expect(answers.filter { $0.errorName == "too_large" }.count == 2)
    }
  }

  @Test("memory is worth giving back once after much of it was in hand, and not while it is")
  func sunk() throws {
    let memory = RequestMemory(limit: 1000)
    var lease = memory.lease(700)
    #expect(!memory.hasSunk(from: 500))
    #expect(lease?.resize(to: 1001) == false)
    #expect(lease?.resize(to: 40) == true)
    #expect(memory.inHand == 40)
    #expect(memory.hasSunk(from: 500))
    #expect(!memory.hasSunk(from: 500))
    lease = nil
    #expect(memory.inHand == 0)
  }
}
