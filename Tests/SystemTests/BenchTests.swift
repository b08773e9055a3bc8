import Foundation
import Testing

extension WithDaemon {
  @Suite("esvit bench", .timeLimit(.minutes(5)))
  struct BenchTests {
    @Test("it counts what is answered and what is turned away, beside the daemon's own figures")
    func figures() async throws {
      // One place in the queue: of three clients some must be turned away, a lone one never.
      let daemon = try await DaemonProcess.ready(.init(arguments: ["--queue-length", "1"]))
      let connection = try daemon.connect()
      _ = try await connection.call("create", ["collection": "empty"])
      let tiles = Built.root.appendingPathComponent("Examples/brown").path
      let command = [Built.esvit, "bench", "empty", tiles, "--socket", daemon.socket, "--seconds", "0.5"]
      let client = try Child(command + ["--clients", "1", "--clients", "3", "--json"])
      #expect(try await client.ended() == .exit(0), "\(client.errors)")
      let report = try JSON(parsing: Data(client.output.utf8))
      let runs = report["runs"].array
      #expect(runs.map { $0["method"].string } == ["encode", "encode", "search", "search"])
      #expect(runs.map { $0["clients"].number } == [1, 3, 1, 3])
      var sum = 0.0
      for run in runs {
        let answered = try #require(run["answered"].number)
        let refused = try #require(run["refused"].number)
        sum += answered + refused
        #expect(answered > 0)
        #expect((refused > 0) == (run["clients"].number == 3))
        #expect(run["device"]["batch"].number == 1)
        let (middle, most) = (run["latency_ms"]["p50"].number ?? 0, run["latency_ms"]["max"].number ?? 0)
        let encode = try #require(run["daemon_ms"]["encode"].number)
        #expect(0 < encode && encode < most && middle <= most)
        let images = try #require(run["images_per_second"].number)
        #expect(abs(images - 2 * answered) < 1e-6)
      }
      let metrics = try #require(try await connection.call("metrics")["text"].string)
      let requests = ["encode", "search"].compactMap { method in
        metrics.split(separator: "\n").first { $0.hasPrefix("esvitd_requests_total{method=\"\(method)\"} ") }
          .flatMap { $0.split(separator: " ").last.flatMap { Double($0) } }
      }
      // Those of the warm-up and the last ones in flight were asked too, but do not count.
      #expect(requests.count == 2 && requests.reduce(0, +) > sum)
      #expect(try await daemon.stop() == .exit(0))
    }

    @Test("an image that cannot be read ends it, with the file's name")
    func unreadable() async throws {
      let daemon = try await DaemonProcess.ready()
      _ = try await daemon.connect().call("create", ["collection": "empty"])
      let folder = try Folder()
      try Data("no image".utf8).write(to: URL(fileURLWithPath: folder.file("bad.jpg")))
      let client = try Child([Built.esvit, "bench", "empty", folder.path, "--socket", daemon.socket])
      #expect(try await client.ended() == .exit(1))
      #expect(client.errors.contains("bad.jpg: ") && client.errors.contains("[image_unreadable]"))
      #expect(try await daemon.stop() == .exit(0))
    }
  }
}
