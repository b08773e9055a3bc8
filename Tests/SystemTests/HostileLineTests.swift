import Foundation
import Testing

extension WithDaemon {
  @Suite("Hostile clients", .timeLimit(.minutes(5)))
  struct HostileLineTests {
    @Test("every hostile line gets an error or an end, and the daemon goes on as if nothing had been")
    func hostileLines() async throws {
      let daemon = try await DaemonProcess.ready()
      let nested = Array(repeating: UInt8(ascii: "["), count: 1_000_000)
      let prefix = Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",".utf8)
      let lines: [(name: String, bytes: [UInt8], code: Double)] = [
        (
          "invalid UTF-8", prefix + Array("\"params\":{\"a\":\"".utf8) + [0xC3, 0x28, 0xFF] + Array("\"}}".utf8), -32700
        ),
        ("not JSON", Array("GET / HTTP/1.1".utf8), -32700),
        ("nested a million deep", nested, -32002),
        ("a duplicate key", prefix + Array("\"id\":2}".utf8), -32700),
        ("no method", Array("{\"jsonrpc\":\"2.0\",\"id\":1}".utf8), -32600),
        ("an empty batch", Array("[]".utf8), -32600),
        ("an unknown method", Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"format\"}".utf8), -32601),
        ("an unknown parameter", prefix + Array("\"params\":{\"exclude_smae\":1}}".utf8), -32602),
      ]
      for line in lines {
        let client = try daemon.connect()
        #expect(await client.send(line.bytes + [UInt8(ascii: "\n")]), "\(line.name)")
        let answer = try JSON(parsing: try #require(await client.line(), "\(line.name)"))
        let code = answer["error"]["code"].number
        // A duplicate key is JSON by the letter: it may be refused as a parse error or as a bad request.
        #expect(code == line.code || (line.name == "a duplicate key" && code == -32600), "\(line.name): \(answer)")
        // Such an error leaves the connection open.
        #expect(try await client.call("status")["protocol"] == 1, "\(line.name)")
      }
      #expect(try await daemon.stop() == .exit(0))
    }

    @Test("a line of 100 MB is answered with too_large and the connection is closed")
    func hugeLine() async throws {
      let daemon = try await DaemonProcess.ready()
      let client = try daemon.connect()
      let sending = Task {
        let block = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
        for _ in 0..<100 { guard await client.send(block) else { return } }
      }
      let reader = try daemon.connect()
      #expect(try await reader.call("status")["protocol"] == 1)
      await sending.value
      // The daemon may close before all is sent: then the answer may be lost, but never the daemon.
      if let line = await client.line() {
        #expect(try JSON(parsing: line)["error"]["data"]["name"] == "too_large")
        #expect(await client.line() == nil)
      }
      #expect(try await daemon.connect().call("status")["protocol"] == 1)
      #expect(try await daemon.stop() == .exit(0))
    }
  }
}
