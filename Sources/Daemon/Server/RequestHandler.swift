// What the server asks of the part that answers requests.
import Wire

/// Answers requests; knows nothing of sockets.
package protocol RequestHandler: Sendable {
  /// Reads one request and returns what is left to do. A request may wait long for its turn and its JSON takes many times
  /// its line's bytes, so the work keeps what the answer needs and nothing else of it.
  func accept(_ request: Request) -> Work
}

/// A request's way from being read to its answer. Many run at a time; when the client hangs up, the task is cancelled.
package typealias Work = @Sendable (RequestContext) async -> Answer

/// An answer's line, its end included.
package struct Answer: Sendable {
  /// JSON and a line feed.
  package let line: [UInt8]
  /// Memory that is charged for it until it is handed to the socket.
  let leases: [MemoryLease]

  /// - Parameter line: JSON and a line feed.
  package init(line: [UInt8]) {
    self.init(line: line, leases: [])
  }

  init(line: [UInt8], leases: [MemoryLease]) {
    self.line = line
    self.leases = leases
  }
}

/// Who asks, and the way to tell how far it is.
package struct RequestContext: Sendable {
  /// The connection's number, unique for the daemon's life.
  package let connection: Int
  /// When the request's line was complete.
  package let received: ContinuousClock.Instant
  /// Sends a progress notification, unless the client is slow to read; nil where the client did not ask for any.
  package let progress: (@Sendable (_ done: Int, _ total: Int) async -> Void)?

  package init(
    connection: Int, received: ContinuousClock.Instant,
    progress: (@Sendable (_ done: Int, _ total: Int) async -> Void)? = nil
  ) {
    self.connection = connection
    self.received = received
    self.progress = progress
  }
}
