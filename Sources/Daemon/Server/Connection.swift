// One client: its lines in, its answers out.
import Logging
import NIOCore
import Wire

/// Serves one client in one task, with a child for each of its requests: nothing outlives the connection.
struct Connection: Sendable {
  /// How a connection ends.
  enum End: String, Sendable {
    case served = "client done"
    case hungUp = "client hung up"
    case idle = "idle time-out"
    case unfinishedLine = "line not finished in time"
    case unreadAnswers = "answers not read in time"
    case tooLong = "line over the limit"
    case serverEnded = "server ended"
  }

  /// What all connections of a server share.
  struct Shared: Sendable {
    let handler: any RequestHandler
    let limits: Limits
    let requestsPerConnection: Int
    let idleTimeout: Duration
    let stallTimeout: Duration
    let memory: RequestMemory
    let gate: RequestGate
    /// Opens when every connection is to end.
    let ending: Latch
    let statistics: Statistics
  }

  let number: Int
  let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
  let shared: Shared
  let logger: Logger
  private let activity = Activity()

  init(number: Int, channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, shared: Shared, logger: Logger) {
    (self.number, self.channel, self.shared, self.logger) = (number, channel, shared, logger)
  }

  /// Serves until one side is done; returns why it ended.
  func run() async -> End {
    let gone = Latch()
    channel.channel.closeFuture.whenComplete { _ in gone.open() }
    let end = try? await channel.executeThenClose { inbound, outbound in
      await withTaskGroup(of: End?.self) { group in
        group.addTask { await read(inbound, outbound) }
        group.addTask { await watch() }
        group.addTask {
          await gone.wait()
          return gone.isOpen ? .hungUp : nil
        }
        group.addTask {
          await shared.ending.wait()
          guard shared.ending.isOpen else { return nil }
          await flush()
          return .serverEnded
        }
        var end: End?
        while end == nil, let next = await group.next() { end = next }
        group.cancelAll()
        // Pending answers of a client that does not read would be waited for without end.
        if end != .served && end != .serverEnded { channel.channel.close(promise: nil) }
        return end
      }
    }
    return (end ?? nil) ?? .hungUp
  }

  // MARK: Reading

  private func read(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async -> End? {
    var reader = LineReader(limit: shared.limits.line, memory: shared.memory)
    defer { reader.end() }
    do {
      return try await withThrowingTaskGroup(of: Void.self) { requests in
        var inHand = 0
        var bytes = inbound.makeAsyncIterator()
        var hasEnded = false
        while !hasEnded {
          if let chunk = try await bytes.next() {
            reader.push(chunk)
          } else {
            hasEnded = true
            guard !Task.isCancelled else { break }
            reader.finish()
          }
          while let event = reader.next() {
            switch event {
            case .line(let line, let lease):
              if inHand == shared.requestsPerConnection {
                activity.note { $0.reading = .full }
                try await requests.next()
                inHand -= 1
              }
              let received = ContinuousClock.now
              guard let tree = shared.memory.lease(treeBytes(of: line)) else {
                try await refuse(memoryIsFull, .find(inBeginning: line.prefix(LineReader.free)) ?? .null, outbound)
                continue
              }
              let accepted = withExtendedLifetime(tree) { accept(line) }
              inHand += 1
              requests.addTask { try await answer(accepted, received, lease, outbound) }
            case .overloaded(let id): try await refuse(memoryIsFull, id, outbound)
            case .tooLong:
              try await refuse(
                ErrorObject(
                  .tooLarge, "the line is over the limit of \(shared.limits.line) bytes; the connection is closed",
                  limit: shared.limits.line), .null, outbound)
              try await requests.waitForAll()
              await flush()
              await linger(&bytes)
              return .tooLong
            }
          }
          activity.note { $0.reading = .open(held: reader.held) }
        }
        // The client may have closed its writing side only (as `socat` does) and still wait for answers.
        activity.note { $0.reading = .ended }
        try await requests.waitForAll()
        await flush()
        return .served
      }
    } catch {
      return channel.channel.isActive ? nil : .hungUp
    }
  }

  /// Takes what a client goes on sending after its line was refused, for a moment: closing at once would make its
  /// writing fail before it has read why.
  private func linger(_ bytes: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) async {
    let closing = Task {
      try await Task.sleep(for: min(shared.stallTimeout, .seconds(5)))
      channel.channel.close(promise: nil)
    }
    defer { closing.cancel() }
    channel.channel.close(mode: .output, promise: nil)
    while let chunk = try? await bytes.next() { activity.note { $0.reading = .open(held: chunk.readableBytes) } }
  }

  private var memoryIsFull: ErrorObject {
    ErrorObject(
      .overloaded,
      "the memory for requests is full (\(shared.memory.limit) bytes in hand); try again, or send less at a time",
      limit: shared.memory.limit)
  }

  // MARK: Accepting

  /// A request whose line and JSON are not kept any more.
  private struct Accepted: Sendable {
    let id: RequestID?
    let wantsProgress: Bool
    let work: Work
  }

  private enum AcceptedLine: Sendable {
    case single(Result<Accepted, RejectedRequest>)
    case batch([Result<Accepted, RejectedRequest>])
  }

  /// Bytes that a line's JSON takes while it is read, estimated by its commas: an array of numbers takes far more than
  /// its text. At most what a lone request can have.
  private func treeBytes(of line: [UInt8]) -> Int {
    let commas = line.withUnsafeBytes { bytes in bytes.reduce(0) { $0 &+ ($1 == UInt8(ascii: ",") ? 1 : 0) } }
    // A growing array takes up to twice what is in it.
    let bytes = min(commas, JSONParser.maximumValues) * 2 * MemoryLayout<JSONValue>.stride
    return bytes <= LineReader.free ? 0 : max(0, min(bytes, shared.memory.limit - line.count))
  }

  private func accept(_ line: [UInt8]) -> AcceptedLine {
    func accept(_ request: Result<Request, RejectedRequest>) -> Result<Accepted, RejectedRequest> {
      request.map { Accepted(id: $0.id, wantsProgress: $0.wantsProgress, work: shared.handler.accept($0)) }
    }
    return switch RequestLine.decode(line, limits: shared.limits) {
    case .single(let request): .single(accept(request))
    case .batch(let requests): .batch(requests.map(accept))
    }
  }

  // MARK: Answering

  private func answer(
    _ accepted: AcceptedLine, _ received: ContinuousClock.Instant, _ lease: MemoryLease,
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async throws {
    activity.note { $0.requests += 1 }
    defer { activity.note { $0.requests -= 1 } }
    // A line counts as in hand until its answer is handed over, so that draining waits for that, too.
    let isLetIn = shared.gate.enter()
    defer { if isLetIn { shared.gate.leave() } }
    let answer: Answer?
    switch accepted {
    case .single(let request): answer = await respond(to: request, isLetIn, received, outbound)
    case .batch(let requests):
      answer = await withTaskGroup(of: (Int, Answer?).self) { group in
        for (index, request) in requests.enumerated() {
          group.addTask { (index, await respond(to: request, isLetIn, received, outbound)) }
        }
        var answers = [Answer?](repeating: nil, count: requests.count)
        var bytes = 1
        for await (index, answer) in group {
          answers[index] = answer
          bytes += answer?.line.count ?? 0
          guard bytes > shared.limits.answer, case .success(let request) = requests[index], let id = request.id else {
            continue
          }
          bytes -= answer?.line.count ?? 0
          answers[index] = Answer(line: ResponseLine.failure(id, batchTooLarge))
        }
        return ResponseLine.batch(answers.compactMap { $0?.line }).map { line in
          Answer(line: line, leases: answers.flatMap { $0?.leases ?? [] })
        }
      }
    }
    // The request's memory and the answer's are held until the socket has taken the answer.
    defer { withExtendedLifetime((lease, answer)) {} }
    if let answer, !Task.isCancelled { try await send(answer.line, outbound) }
  }

  private var batchTooLarge: ErrorObject {
    ErrorObject(
      .tooLarge,
      "the answers of the batch pass the limit of a line, \(shared.limits.answer) bytes; what was asked is done, but this answer is left out: send the request alone",
      limit: shared.limits.answer)
  }

  /// The answer to one request, nil for a notification.
  private func respond(
    to request: Result<Accepted, RejectedRequest>, _ isLetIn: Bool, _ received: ContinuousClock.Instant,
    _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async -> Answer? {
    switch request {
    case .failure(let rejected):
      shared.statistics.count(error: rejected.error.name)
      return Answer(line: ResponseLine.failure(rejected.id, rejected.error))
    case .success(let request):
      guard isLetIn else {
        let error = ErrorObject(.shuttingDown, "the daemon is shutting down; try again when it has been started anew")
        shared.statistics.count(error: error.name)
        return request.id.map { Answer(line: ResponseLine.failure($0, error)) }
      }
      let context = RequestContext(
        connection: number, received: received, progress: progress(of: request, outbound))
      let answer = await request.work(context)
      return request.id == nil ? nil : answer
    }
  }

  private func progress(
    of request: Accepted, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) -> (@Sendable (Int, Int) async -> Void)? {
    guard let id = request.id, request.wantsProgress else { return nil }
    return { done, total in
      // Progress is news: what a slow reader cannot take now is left out, not kept.
      guard channel.channel.isWritable else { return }
      try? await send(JSONWriter.line(of: Progress(id: id, done: done, total: total)), outbound)
    }
  }

  private func refuse(
    _ error: ErrorObject, _ id: RequestID, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async throws {
    shared.statistics.count(error: error.name)
    try await send(ResponseLine.failure(id, error), outbound)
  }

  /// Hands a line to the socket; waits while the client is slow to read.
  private func send(_ line: [UInt8], _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws {
    try await outbound.write(ByteBuffer(bytes: line))
    activity.note { $0.sent += 1 }
  }

  /// Returns when the kernel has taken everything that was sent, or the connection is gone.
  private func flush() async {
    try? await channel.channel.writeAndFlush(ByteBuffer()).get()
  }

  // MARK: Watching

  /// Looks for silence until the task is cancelled.
  private func watch() async -> End? {
    let step = max(min(shared.idleTimeout, shared.stallTimeout) / 4, .milliseconds(10))
    var unread = (bytes: 0, sent: 0, since: ContinuousClock.now)
    while true {
      do { try await Task.sleep(for: step) } catch { return nil }
      let now = ContinuousClock.now
      let state = activity.now
      let pending = (try? await channel.channel.getOption(.bufferedWritableBytes).get()) ?? 0
      if pending == 0 || pending != unread.bytes || state.sent != unread.sent { unread = (pending, state.sent, now) }
      if unread.since.duration(to: now) >= shared.stallTimeout { return .unreadAnswers }
      let silence = state.last.duration(to: now)
      if case .open(let held) = state.reading, held > 0, silence >= shared.stallTimeout { return .unfinishedLine }
      if state.requests == 0, pending == 0, silence >= shared.idleTimeout { return .idle }
    }
  }
}
