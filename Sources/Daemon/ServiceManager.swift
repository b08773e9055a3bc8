import Glibc
import Logging

/// What the daemon tells the service manager that started it: the datagrams of `sd_notify(3)`, without libsystemd.
///
/// Without `NOTIFY_SOCKET` every message is dropped, so callers need not ask. A message that cannot be sent is
/// logged and otherwise ignored: the service manager's own time-outs decide what follows.
package struct ServiceManager: Sendable {
  /// The address in `NOTIFY_SOCKET`: a path, or `@` and an abstract name. Nil where nobody listens.
  package let address: String?
  /// After how long without a sign of life the service manager restarts the daemon; nil where it does not watch.
  package let watchdogInterval: Duration?
  private let logger: Logger

  /// - Parameter environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
  package init(environment: [String: String], logger: Logger) {
    self.logger = logger
    switch environment["NOTIFY_SOCKET"] {
    case nil, "": address = nil
    case .some(let address) where address.hasPrefix("/") || address.hasPrefix("@"): self.address = address
    case .some(let address):
      logger.warning("NOTIFY_SOCKET is neither a path nor an abstract name; notifying nobody: \(address)")
      self.address = nil
    }
    let isForUs = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
    if isForUs, let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 {
      watchdogInterval = .microseconds(microseconds)
    } else {
      watchdogInterval = nil
    }
  }

  /// The daemon answers from now on. `status` is what `systemctl status` shows.
  package func ready(status: String) { send("READY=1\nSTATUS=\(Self.oneLine(status))") }

  /// Replaces the line that `systemctl status` shows.
  package func status(_ text: String) { send("STATUS=\(Self.oneLine(text))") }

  /// The daemon is draining and will exit.
  package func stopping(status: String = "draining") { send("STOPPING=1\nSTATUS=\(Self.oneLine(status))") }

  /// Runs a long start-up or shut-down step, asking for more time while it lasts, though never past `limit` in all:
  /// a step that hangs still ends in the service manager's time-out.
  package func extendingTimeout<Value: Sendable>(
    upTo limit: Duration, step: Duration = .seconds(20), _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    guard address != nil else { return try await body() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        let clock = SuspendingClock()
        let end = clock.now + limit
        while true {
          let rest = clock.now.duration(to: end)
          guard rest > .zero else { return }
          // Twice the step, so that one late message does no harm.
          send("EXTEND_TIMEOUT_USEC=\(min(rest, step * 2).wholeMicroseconds)")
          try await clock.sleep(for: min(rest, step))
        }
      }
      defer { group.cancelAll() }
      return try await body()
    }
  }

  /// Sends a sign of life at half the watchdog's interval, each after `ping` has come back, until the task is
  /// cancelled. Returns at once where no watchdog watches.
  ///
  /// - Parameter ping: a way through the part whose life counts, here a hop onto the device's thread. While it
  ///   hangs no sign is sent and the service manager acts; what it throws ends the beat and is passed on.
  package func runWatchdog(ping: @Sendable () async throws -> Void) async throws {
    guard address != nil, let watchdogInterval else { return }
    let clock = SuspendingClock()
    while !Task.isCancelled {
      try await ping()
      send("WATCHDOG=1")
      do { try await clock.sleep(for: watchdogInterval / 2) } catch { return }
    }
  }

  private func send(_ message: String) {
    guard let address else { return }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return failed("make a socket", errno) }
    defer { close(descriptor) }
    // A full queue is waited for, since READY=1 must not be lost, but not for ever.
    var patience = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let bytes = Array(message.utf8)
    let sent = sockaddr_un.with(path: address, abstract: true) { pointer, length in
      retryingInterrupts { sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length) }
    }
    guard let sent else { return failed("use the address", ENAMETOOLONG) }
    if sent < 0 { failed("send", errno) }
  }

  private func failed(_ action: String, _ code: Int32) {
    logger.warning("cannot notify the service manager at \(address ?? ""): \(action): \(errorText(code))")
  }

  /// A message is a list of lines: a status must not smuggle in another one. At most 512 characters.
  private static func oneLine(_ text: String) -> String {
    String(text.prefix(512).map { $0.isNewline ? " " : $0 })
  }
}

extension Duration {
  fileprivate var wholeMicroseconds: Int64 {
    components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
  }
}
