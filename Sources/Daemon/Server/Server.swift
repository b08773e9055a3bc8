// The socket server: accepts, and gives each client a task.
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// Listens on a Unix-domain socket and serves each client in a structured child task.
package actor Server {
  private enum State {
    case initial
    case running
    case draining
    case ended
  }

  private typealias Accepted = (channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, peer: Peer?)

  private let descriptor: CInt
  private let shared: Connection.Shared
  private let drainTime: Duration
  private let logger: Logger
  private let drain = Latch()
  private var state = State.initial
  private var nextNumber = 0
  private var open = 0

  /// - Parameters:
  ///   - descriptor: a bound, listening stream socket; the server closes it.
  ///   - handler: answers requests.
  ///   - limits: of lines, connections and memory.
  ///   - requestsPerConnection: requests of one client that are worked on at a time; further ones wait in its socket.
  ///   - idleTimeout: a client with nothing in hand that says nothing for this long is disconnected.
  ///   - stallTimeout: a client that leaves a line unfinished or answers unread for this long is disconnected.
  ///   - drainTime: how long requests in hand may take after `shutDown`.
  package init(
    descriptor: CInt, handler: any RequestHandler, limits: Limits, requestsPerConnection: Int = 64,
    idleTimeout: Duration, stallTimeout: Duration, drainTime: Duration, memory: RequestMemory,
    statistics: Statistics, logger: Logger
  ) {
    self.descriptor = descriptor
    self.drainTime = drainTime
    self.logger = logger
    shared = Connection.Shared(
      handler: handler, limits: limits, requestsPerConnection: requestsPerConnection, idleTimeout: idleTimeout,
      stallTimeout: stallTimeout, memory: memory, gate: RequestGate(), ending: Latch(), statistics: statistics)
  }

  /// Begins to drain: no new connections, new requests are answered `shutting_down`, `run` returns when what is in
  /// hand is answered or the drain time is over.
  package nonisolated func shutDown() {
    shared.gate.close()
    drain.open()
  }

  /// Serves until `shutDown`, or until the task is cancelled. - Throws: what hinders listening.
  package func run() async throws {
    guard case .initial = state else { return }
    state = .running
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      try await serve(on: group)
    } catch {
      state = .ended
      try? await group.shutdownGracefully()
      throw error
    }
    state = .ended
    try await group.shutdownGracefully()
  }

  private func serve(on group: MultiThreadedEventLoopGroup) async throws {
    let listener = try await Self.bind(descriptor, on: group)
    let trimming = Task { await trim() }
    defer { trimming.cancel() }
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        try? await listener.executeThenClose { clients in
          await withDiscardingTaskGroup { connections in
            await self.accept(clients, in: &connections)
          }
        }
      }
      tasks.addTask { await self.end(listener.channel) }
      await tasks.waitForAll()
    }
  }

  /// Gives free pages back to the system after a flood of requests; returns when it is cancelled.
  private nonisolated func trim() async {
    // glibc's own, which Swift's module of it leaves out.
    typealias Trim = @convention(c) (Int) -> CInt
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    let trim = unsafeBitCast(symbol, to: Trim.self)
    while true {
      do { try await Task.sleep(for: .seconds(5), tolerance: .seconds(5)) } catch { return }
      if shared.memory.hasSunk(from: 32 << 20) { _ = trim(0) }
    }
  }

  private func accept(
    _ clients: NIOAsyncChannelInboundStream<Accepted>, in connections: inout DiscardingTaskGroup
  ) async {
    do {
      for try await client in clients {
        let number = nextNumber
        nextNumber += 1
        connections.addTask { await self.serve(client, number: number) }
      }
    } catch {
      logger.error("accepting connections failed", metadata: ["error": "\(error)"])
    }
    // Without a listener there is nothing to wait for.
    shutDown()
  }

  private func serve(_ client: Accepted, number: Int) async {
    open += 1
    defer { open -= 1 }
    var logger = logger
    logger[metadataKey: "connection"] = "\(number)"
    if let peer = client.peer {
      logger[metadataKey: "uid"] = "\(peer.uid)"
      logger[metadataKey: "pid"] = "\(peer.pid)"
    }
    guard open <= shared.limits.connections else {
      logger.warning("connection refused", metadata: ["limit": "\(shared.limits.connections)"])
      return await refuse(client.channel)
    }
    shared.statistics.connectionOpened()
    logger.info("connection opened")
    let end = await Connection(number: number, channel: client.channel, shared: shared, logger: logger).run()
    shared.statistics.connectionClosed()
    logger.info("connection closed", metadata: ["reason": "\(end.rawValue)"])
  }

  private nonisolated func refuse(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async {
    let limit = shared.limits.connections
    let error = ErrorObject(
      .overloaded, "\(limit) connections are open, as many as may be; try again, or close some", limit: limit)
    shared.statistics.count(error: error.name)
    try? await channel.executeThenClose { _, _ in
      // A fresh socket takes one short line without waiting.
      try await channel.channel.writeAndFlush(ByteBuffer(bytes: ResponseLine.failure(.null, error))).get()
    }
  }

  /// Waits for the drain, sees it through, and ends all connections.
  private func end(_ listener: any Channel) async {
    await drain.wait()
    state = .draining
    shared.gate.close()
    listener.close(promise: nil)
    if drain.isOpen {
      logger.notice("draining", metadata: ["requests": "\(shared.gate.inHand)"])
      let inTime = await withTaskGroup(of: Bool.self) { group in
        group.addTask { [gate = shared.gate] in
          await gate.drained()
          return gate.inHand == 0
        }
        group.addTask { [drainTime] in
          try? await Task.sleep(for: drainTime)
          return false
        }
        let first = await group.next() ?? false
        group.cancelAll()
        return first
      }
      if !inTime { logger.warning("drain time is over", metadata: ["requests": "\(shared.gate.inHand)"]) }
    }
    shared.ending.open()
  }

  private static func bind(
    _ descriptor: CInt, on group: MultiThreadedEventLoopGroup
  ) async throws -> NIOAsyncChannel<Accepted, Never> {
    try await ServerBootstrap(group: group)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .bind(descriptor) { channel in
        Peer.of(channel).flatMapThrowing { peer in
          let configuration = NIOAsyncChannel<ByteBuffer, ByteBuffer>.Configuration(isOutboundHalfClosureEnabled: true)
          return (try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: configuration), peer)
        }
      }
  }
}
