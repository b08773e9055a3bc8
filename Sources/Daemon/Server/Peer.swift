import NIOCore

#if canImport(Glibc)
  import Glibc
#endif

/// The process at the other end of a connection, as the kernel vouches for it (`SO_PEERCRED`).
struct Peer: Sendable {
  let uid: uid_t
  let pid: pid_t

  /// Asks the kernel; nil where it does not know.
  static func of(_ channel: any Channel) -> EventLoopFuture<Peer?> {
    guard let provider = channel as? any SocketOptionProvider else { return channel.eventLoop.makeSucceededFuture(nil) }
    let credentials: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
    return credentials.map { Optional(Peer(uid: $0.uid, pid: $0.pid)) }.flatMapErrorThrowing { _ in nil }
  }

  /// Linux's `struct ucred`, which the C library hides from Swift.
  private struct Credentials: Sendable {
    var pid: pid_t = 0
    var uid: uid_t = 0
    var gid: gid_t = 0
  }
}
