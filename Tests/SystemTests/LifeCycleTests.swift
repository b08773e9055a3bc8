import Foundation
import Testing

extension WithDaemon {
  @Suite("The daemon's life", .timeLimit(.minutes(5)))
  struct LifeCycleTests {
    @Test("says READY=1 when it answers, drains at SIGTERM, exits 0 and takes its socket away")
    func readyAndDrain() async throws {
      let clock = ContinuousClock()
      let start = clock.now
      let daemon = try await DaemonProcess.ready()
      print("start to ready, empty archive: \(clock.now - start)")
      let client = try daemon.connect()
      #expect(try await client.call("status")["protocol"] == 1)

      // In hand when the signal comes: answered all the same.
      let images = JSON.array((0..<16).map { Picture.image(seed: $0) })
      _ = try await client.start("encode", ["images": images])
      // Answers come in any order, but a line that follows is read after the first: the daemon has the work by then.
      #expect(try await client.call("status")["protocol"] == 1)
      daemon.child.send(SIGTERM)
      #expect(try await client.answer(to: "encode")["embeddings"].array.count == 16)
      #expect(try await daemon.child.ended() == .exit(0))
      #expect(await client.line() == nil)
      #expect(await daemon.notifications.heard("STOPPING=1", from: daemon.child))
      #expect(!FileManager.default.fileExists(atPath: daemon.socket))
    }

    @Test("what was added is there after a restart")
    func restart() async throws {
      let folder = try Folder()
      let state = try folder.folder("state")
      let first = try await DaemonProcess.ready(.init(state: state))
      let client = try first.connect()
      let items = JSON.array((0..<3).map { ["id": .string("t\($0)"), "image": Picture.image(seed: $0)] })
      _ = try await client.call("create", ["collection": "tiles"])
      _ = try await client.call("add", ["collection": "tiles", "items": items])
      #expect(try await first.stop() == .exit(0))

      let second = try await DaemonProcess.ready(.init(state: state))
      let answer = try await second.connect().call(
        "search", ["collection": "tiles", "k": 1, "queries": [["image": Picture.image(seed: 2)]]])
      #expect(answer["results"][0]["neighbours"][0]["id"] == "t2")
      #expect(try await second.stop() == .exit(0))
    }

    @Test("of two on one state directory the second refuses, and so it does on one socket")
    func secondDaemon() async throws {
      let daemon = try await DaemonProcess.ready()
      let sameState = try await DaemonProcess.failing(.init(state: daemon.state))
      #expect(sameState.ending != .exit(0))
      #expect(sameState.errors.contains(daemon.state))
      let sameSocket = try await DaemonProcess.failing(.init(socket: daemon.socket))
      #expect(sameSocket.ending != .exit(0))
      #expect(sameSocket.errors.contains(daemon.socket))
      #expect(try await daemon.connect().call("status")["protocol"] == 1)
      #expect(try await daemon.stop() == .exit(0))
    }

    @Test("after kill -9 it starts again over the stale socket")
    func staleSocket() async throws {
      let folder = try Folder()
      let (state, socket) = (try folder.folder("state"), folder.file("esvitd.sock"))
      let first = try await DaemonProcess.ready(.init(state: state, socket: socket))
      try await first.kill()
      #expect(FileManager.default.fileExists(atPath: socket))
      let second = try await DaemonProcess.ready(.init(state: state, socket: socket))
      #expect(try await second.connect().call("status")["protocol"] == 1)
      #expect(try await second.stop() == .exit(0))
    }

    @Test(
      "a state directory that cannot be written is a clear error",
      .enabled(if: Built.canMount, "needs root that may mount"))
    func readOnlyState() async throws {
      let folder = try Folder()
      let state = try folder.folder("state")
      let mounting = "mount -t tmpfs -o ro none '\(state)' && exec \"$@\""
      let options = DaemonProcess.Options(state: state, wrapper: ["unshare", "-m", "sh", "-c", mounting, "sh"])
      let (ending, errors) = try await DaemonProcess.failing(options)
      guard case .exit(let code) = ending, code != 0 else {
        Issue.record("ended by \(ending)")
        return
      }
      #expect(errors.contains(state))
    }

    @Test("a client that waits when the daemon is killed is told, not left")
    func killedUnderClient() async throws {
      let daemon = try await DaemonProcess.ready()
      let waiting = try daemon.connect()
      let folder = try Folder()
      for seed in 0..<64 { try Picture.png(seed: seed).write(to: URL(fileURLWithPath: folder.file("\(seed).png"))) }
      // Stopped, it answers nobody, however fast it is; clients reach its socket all the same.
      daemon.child.send(SIGSTOP)
      _ = try await waiting.start("encode", ["images": [Picture.image(seed: 0)]])
      let client = try Child(
        [Built.esvit, "add", "tiles", folder.path], environment: ["ESVIT_SOCKET": daemon.socket, "HOME": folder.path])
      while client.ending == nil, !client.hasSocket { await Task.yield() }
      try await daemon.kill()
      #expect(await waiting.line() == nil)
      guard case .exit(let code) = try await client.ended() else {
        Issue.record("the client died by a signal")
        return
      }
      #expect(code == 1 || code == 3)
      #expect(!client.errors.isEmpty)
    }

    @Test("the watchdog is fed through the device's thread")
    func watchdog() async throws {
      let daemon = try await DaemonProcess.ready(.init(environment: ["WATCHDOG_USEC": "1000000"]))
      for _ in 0..<3 { #expect(await daemon.notifications.heard("WATCHDOG=1", from: daemon.child)) }
      #expect(try await daemon.stop() == .exit(0))
    }
  }
}
