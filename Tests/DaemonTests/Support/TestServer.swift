import Foundation
import Logging
import Synchronization
import Wire

@testable import Daemon

/// Answers made-up methods, so that the server can be watched without a device.
final class ScriptedHandler: RequestHandler {
  /// What `wait` waits for.
  let release = Latch()
  /// How many `wait` have begun, and how many were cancelled.
  let begun = Counter()
  let cancelled = Counter()

  func accept(_ request: Request) -> Work {
    { [self] context in await answer(request, context: context) }
  }

  private func answer(_ request: Request, context: RequestContext) async -> Answer {
    let id = request.id ?? .null
    switch request.method {
    case "echo": return Answer(line: ResponseLine.success(id, request.params))
    case "big":
      return Answer(
        line: ResponseLine.success(id, String(repeating: "x", count: request.params["bytes"]?.integer ?? 0)))
    case "steps":
      for step in 1...3 { await context.progress?(step, 3) }
      return Answer(line: ResponseLine.success(id, "done"))
    case "wait":
      begun.add()
      await release.wait()
      if Task.isCancelled { cancelled.add() }
      return Answer(line: ResponseLine.success(id, "waited"))
    default: return Answer(line: ResponseLine.failure(id, ErrorObject(.methodNotFound, "no")))
    }
  }
}

/// A number that tasks wait for.
final class Counter: Sendable {
  private let state = Mutex<(count: Int, latches: [(Int, Latch)])>((0, []))

  func add() {
    state.withLock { state in
      state.count += 1
      for (count, latch) in state.latches where count <= state.count { latch.open() }
    }
  }

  var count: Int { state.withLock { $0.count } }

  /// Returns once it has reached `count`.
  func reached(_ count: Int) async {
    let latch = Latch()
    state.withLock { state in
      state.latches.append((count, latch))
      if state.count >= count { latch.open() }
    }
    await latch.wait()
  }
}

/// A real server on a real socket in a directory of its own.
struct TestServer: Sendable {
  let server: Server
  let path: String
  let memory: RequestMemory
  let statistics: Statistics

  /// Runs `body` beside a server; the server is shut down afterwards unless it has ended already.
  static func run<Value: Sendable>(
    _ handler: any RequestHandler, limits: Limits = Limits(), requestsPerConnection: Int = 64,
    idleTimeout: Duration = .seconds(60), stallTimeout: Duration = .seconds(60), drainTime: Duration = .seconds(10),
    statistics: Statistics = Statistics(), memory: RequestMemory? = nil,
    _ body: @escaping @Sendable (TestServer) async throws -> Value
  ) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory.appending(path: "esvitd-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let socket = try ListeningSocket(bindingTo: directory.path + "/s")
    guard let descriptor = socket.takeDescriptor() else { throw SocketClient.Failure(description: "no descriptor") }
    let memory = memory ?? RequestMemory(limit: limits.inHand)
    let server = Server(
      descriptor: descriptor, handler: handler, limits: limits, requestsPerConnection: requestsPerConnection,
      idleTimeout: idleTimeout, stallTimeout: stallTimeout, drainTime: drainTime, memory: memory,
      statistics: statistics, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let test = TestServer(server: server, path: directory.path + "/s", memory: memory, statistics: statistics)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      let value: Value
      do { value = try await body(test) } catch {
        group.cancelAll()
        throw error
      }
      server.shutDown()
      try await group.waitForAll()
      return value
    }
  }

  func client(timeout: Int = 20) throws -> SocketClient { try SocketClient(path: path, timeout: timeout) }
}
