import Foundation

/// The service manager's end of `NOTIFY_SOCKET`: a real datagram socket.
final class NotifySocket: Sendable {
  let path: String
  private let descriptor: CInt
  private let queue = DispatchQueue(label: "notifications")

  init(path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let status = UnixAddress.with(path) { bind(descriptor, $0, $1) }
    guard status == 0 else { throw TestFailure("cannot bind \(path): errno \(errno)") }
  }

  deinit { close(descriptor) }

  /// The lines of the next datagram, or nil when none came in time.
  func next(within patience: Duration) async -> [String]? {
    await withCheckedContinuation { continuation in
      queue.async { [self] in
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, patience.milliseconds) == 1 else { return continuation.resume(returning: nil) }
        var buffer = [UInt8](repeating: 0, count: 8192)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        let text = String(decoding: buffer[..<max(count, 0)], as: UTF8.self)
        continuation.resume(returning: text.split(separator: "\n").map(String.init))
      }
    }
  }

  /// Waits for a datagram with `line`; true when it came before `child` ended and before `patience` ran out.
  func heard(_ line: String, from child: Child, within patience: Duration = .seconds(120)) async -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + patience
    while clock.now < end {
      // Asked before the wait: what it said before it ended is there by then.
      let hasEnded = child.ending != nil
      if let lines = await next(within: .milliseconds(200)) {
        if lines.contains(line) { return true }
      } else if hasEnded {
        return false
      }
    }
    return false
  }
}

/// `sockaddr_un` of a path.
enum UnixAddress {
  static func with<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}

extension Duration {
  /// Whole milliseconds, for `poll`.
  var milliseconds: Int32 {
    Int32(clamping: components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
  }
}
