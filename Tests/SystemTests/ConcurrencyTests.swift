import Foundation
import Testing

extension WithDaemon {
  @Suite("Many clients at once", .timeLimit(.minutes(5)))
  struct ConcurrencyTests {
    @Test("an image's embedding is the same bits alone and among eight clients' batches")
    func identicalEmbeddings() async throws {
      let daemon = try await DaemonProcess.ready(.init(arguments: ["--batch-wait", "20ms"]))
      let alone = try daemon.connect()
      var expected: [String] = []
      for seed in 0..<12 {
        let answer = try await alone.call("encode", ["images": [Picture.image(seed: seed)], "encoding": "base64"])
        expected.append(try #require(answer["embeddings"][0].string))
      }
      #expect(Set(expected).count == expected.count)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<8 {
          group.addTask { [expected] in
            var random = SplitMix(state: UInt64(worker))
            let client = try daemon.connect()
            for _ in 0..<4 {
              let seeds = (0..<Int.random(in: 1...9, using: &random)).map { _ in Int.random(in: 0..<12, using: &random)
              }
              let images = JSON.array(seeds.map { Picture.image(seed: $0) })
              let answer = try await client.call("encode", ["images": images, "encoding": "base64"])
              #expect(answer["embeddings"].array.map(\.string) == seeds.map { expected[$0] })
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await daemon.stop() == .exit(0))
    }

    @Test("a client that never reads and one that never finishes its line delay nobody")
    func slowClients() async throws {
      let daemon = try await DaemonProcess.ready()
      let deaf = try daemon.connect()
      for _ in 0..<32 { _ = try await deaf.start("status") }
      let mute = try daemon.connect()
      #expect(await mute.send(Array("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sta".utf8)))
      let other = try daemon.connect()
      let images: JSON = [Picture.image(seed: 1)]
      #expect(try await other.call("encode", ["images": images])["embeddings"].array.count == 1)
      #expect(try await daemon.stop() == .exit(0))
    }
  }
}

/// A small generator with a seed, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
