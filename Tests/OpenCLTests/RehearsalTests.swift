import Foundation
import Testing

@testable import OpenCL

@Suite("What may end the process is done in a child first")
struct RehearsalTests {
  private func rehearsal(
    _ script: String, in cache: CacheDirectory, dependencies: [String] = [], limit: Duration = .seconds(60)
  ) -> Rehearsal {
    Rehearsal(
      in: cache, executable: "/bin/sh", arguments: ["-c", script], listing: ["-c", "true"], dependencies: dependencies,
      timeLimit: limit)
  }

  private func cache(_ folder: borrowing TemporaryDirectory) throws -> CacheDirectory {
    let cache = CacheDirectory(url: folder.url.appending(path: "cache"), origin: "test")
    try cache.prepare()
    return cache
  }

  @Test("a success is remembered for the same dependencies and no others")
  func stamp() async throws {
    let folder = try TemporaryDirectory()
    let cache = try cache(folder)
    let script = "echo run >> \(folder.path)/runs; echo chatter; wc -l < \(folder.path)/runs"
    #expect(try await rehearsal(script, in: cache, dependencies: ["model a"]).run() == "1")
    #expect(try await rehearsal(script, in: cache, dependencies: ["model a"]).run() == "1")
    #expect(try await rehearsal(script, in: cache, dependencies: ["model b"]).run() == "2")
    #expect(try await rehearsal(script, in: cache, dependencies: ["model a"]).run() == "1")
  }

  @Test("a stamp of other drivers or a damaged one is not believed")
  func otherDrivers() async throws {
    let folder = try TemporaryDirectory()
    let cache = try cache(folder)
    let script = "echo run >> \(folder.path)/runs; wc -l < \(folder.path)/runs"
    #expect(try await rehearsal(script, in: cache).run() == "1")
    let stamps = try FileManager.default.contentsOfDirectory(at: cache.stamps, includingPropertiesForKeys: nil)
    #expect(stamps.count == 1)
    for (runs, wrong) in ["a device of yesterday's driver\n1", "no line", ""].enumerated() {
      for stamp in stamps { try Data(wrong.utf8).write(to: stamp) }
      #expect(try await rehearsal(script, in: cache).run() == "\(runs + 2)")
      #expect(try await rehearsal(script, in: cache).run() == "\(runs + 2)")
    }
  }

  @Test("a grandchild that lives on with the child's streams holds nobody up")
  func grandchild() async throws {
    let start = ContinuousClock.now
    let outcome = try await ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "sleep 600 & exit 4"], timeLimit: .seconds(300)
    ).run()
    #expect(outcome.ending == .exited(4))
    #expect(ContinuousClock.now - start < .seconds(300))
  }

  @Test("an abort costs a message that quotes the child, and leaves no stamp")
  func abort() async throws {
    let folder = try TemporaryDirectory()
    let cache = try cache(folder)
    for _ in 0..<2 {
      let error = await #expect(throws: OpenCLError.self) {
        try await rehearsal("echo 'LLVM ERROR: no idea' >&2; kill -ABRT $$", in: cache).run()
      }
      let text = try #require(error?.description)
      #expect(text.contains("signal 6"))
      #expect(text.contains("LLVM ERROR: no idea"))
      #expect(text.contains("--device"))
    }
  }

  @Test("an exit in the middle is a failure; an explained one passes the explanation on")
  func exits() async throws {
    let folder = try TemporaryDirectory()
    let cache = try cache(folder)
    let plain = await #expect(throws: OpenCLError.self) {
      try await rehearsal("echo 'No space left on device' >&2; exit 1", in: cache).run()
    }
    #expect(plain?.description.contains("status 1") == true)
    #expect(plain?.description.contains("No space left on device") == true)
    let explained = await #expect(throws: OpenCLError.self) {
      try await rehearsal("echo 'what, where and what to do' >&2; exit 70", in: cache).run()
    }
    #expect(explained?.description == "what, where and what to do")
  }

  @Test("a child that hangs is killed with its own children, when its time is over or its task cancelled")
  func hanging() async throws {
    let folder = try TemporaryDirectory()
    let cache = try cache(folder)
    let error = await #expect(throws: OpenCLError.self) {
      try await rehearsal("sleep 600 & sleep 600", in: cache, limit: .milliseconds(100)).run()
    }
    #expect(error?.description.contains("still running") == true)
    let task = Task { try await rehearsal("sleep 601", in: cache).run() }
    task.cancel()
    await #expect(throws: OpenCLError.self) { try await task.value }
  }

  @Test("endless output neither fills the memory nor holds the child up")
  func endlessOutput() async throws {
    let outcome = try await ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 3"],
      timeLimit: .seconds(60)
    ).run()
    #expect(outcome.ending == .exited(3))
    #expect(outcome.errors.utf8.count <= ChildProcess.outputLimit)
    #expect(outcome.errors.hasSuffix("end\n"))
  }

  @Test("the child has no open file of ours, and its standard input ends with us")
  func isolation() async throws {
    let outcome = try await ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "ls /proc/$$/fd; readlink /proc/$$/fd/0"], timeLimit: .seconds(60)
    ).run()
    #expect(outcome.output.hasPrefix("0\n1\n2\npipe:"))
  }

  @Test("a program that cannot be started is named")
  func absent() async {
    let error = await #expect(throws: OpenCLError.self) {
      try await ChildProcess(executable: "/no/such/program", arguments: [], timeLimit: .seconds(1)).run()
    }
    #expect(error?.description.contains("/no/such/program") == true)
  }
}
