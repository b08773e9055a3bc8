import Glibc
import Synchronization

/// The daemon's Unix-domain stream socket: bound by our own code, so that nobody meets it with wider rights than
/// it is meant to have, or inherited from the service manager (`SocketActivation.swift`).
///
/// The descriptor listens, is close-on-exec, and is given away once, to the server that then closes it. What stays
/// here is the name: the socket file, removed at `withdraw()` if it is still ours, and the lock file beside it that
/// keeps two starting daemons from replacing each other's socket.
package final class ListeningSocket: Sendable {
  /// Where clients connect; nil for an inherited socket without a path.
  package let path: String?
  /// Whether the service manager made the socket; then its file belongs to the service manager.
  package let isInherited: Bool

  private struct State {
    var descriptor: CInt?
    var file: BoundFile?
  }

  private struct BoundFile {
    let path: String
    let identity: FileIdentity
    let lock: SocketLock
  }

  private let state: Mutex<State>

  /// Makes a socket at `path`, replacing a stale one that no process answers any more.
  ///
  /// - Parameters:
  ///   - path: at most 107 bytes; its folder must exist.
  ///   - group: a group's name or number that shall own the socket file; nil keeps the process's group.
  ///   - mode: the file's final mode. Until the group is set the file is open to its owner only.
  ///   - backlog: how many connections wait in the kernel to be accepted.
  package init(
    bindingTo path: String, group: String? = nil, mode: mode_t = 0o660, backlog: CInt = 128
  ) throws(ListeningSocketError) {
    guard !path.isEmpty, path.utf8.count <= sockaddr_un.longestPath else {
      throw .pathTooLong(path: path, limit: sockaddr_un.longestPath)
    }
    let groupID: gid_t? = if let group { try Self.groupID(of: group) } else { nil }
    let lock = try SocketLock(guarding: path)
    try Self.removeStaleFile(at: path)

    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .failure("make a socket for", path, errno) }
    var succeeded = false
    var identity: FileIdentity?
    defer {
      if !succeeded {
        close(descriptor)
        if let identity, identity == FileIdentity(of: path) { unlink(path) }
      }
    }
    // The kernel gives the file the descriptor's own mode (less the umask): tight from its first moment, without
    // touching the umask, which all threads share.
    guard fchmod(descriptor, 0o600) == 0 else { throw .failure("restrict", path, errno) }
    guard sockaddr_un.with(path: path, { bind(descriptor, $0, $1) }) == 0 else {
      throw .failure("create the socket", path, errno)
    }
    identity = FileIdentity(of: path)
    guard let identity else { throw .failure("look at", path, errno) }
    guard listen(descriptor, backlog) == 0 else { throw .failure("listen on", path, errno) }
    // The group first: its members get their rights only once it is the right group.
    if let groupID, lchown(path, uid_t.max, groupID) != 0 {
      throw .failure("give group “\(group ?? "")” the socket", path, errno)
    }
    guard chmod(path, mode) == 0 else { throw .failure("set the mode of", path, errno) }

    succeeded = true
    self.path = path
    isInherited = false
    state = Mutex(State(descriptor: descriptor, file: BoundFile(path: path, identity: identity, lock: lock)))
  }

  /// Wraps a listening descriptor that the service manager made; it is checked by `SocketActivation`.
  init(inheriting descriptor: CInt, path: String?) {
    self.path = path
    isInherited = true
    state = Mutex(State(descriptor: descriptor, file: nil))
  }

  deinit {
    if let descriptor = takeDescriptor() { close(descriptor) }
    withdraw()
  }

  /// Gives the listening descriptor away: the caller closes it. Nil when it has been taken before.
  package func takeDescriptor() -> CInt? {
    state.withLock { state in
      defer { state.descriptor = nil }
      return state.descriptor
    }
  }

  /// Removes the socket file, if it is still the one we made, and then frees the lock. Does nothing a second time,
  /// nor for an inherited socket, which the service manager keeps open for the next start.
  package func withdraw() {
    let file = state.withLock { state in
      defer { state.file = nil }
      return state.file
    }
    guard let file else { return }
    if FileIdentity(of: file.path) == file.identity { unlink(file.path) }
    file.lock.release()
  }

  private static func removeStaleFile(at path: String) throws(ListeningSocketError) {
    guard let found = FileIdentity(of: path) else {
      guard errno == ENOENT else { throw .failure("look at", path, errno) }
      return
    }
    guard found.isSocket else { throw .notASocket(path: path) }
    // A full backlog must not make the probe wait: non-blocking, it says EAGAIN, which only a living socket can.
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { throw .failure("probe", path, errno) }
    defer { close(probe) }
    let connected = sockaddr_un.with(path: path) { connect(probe, $0, $1) == 0 ? 0 : errno } ?? EINVAL
    switch connected {
    case ECONNREFUSED:
      guard unlink(path) == 0 || errno == ENOENT else { throw .failure("remove the stale socket", path, errno) }
    case ENOENT: return
    case 0, EAGAIN, EPROTOTYPE: throw .inUse(path: path, pid: nil)
    default: throw .failure("probe", path, connected)
    }
  }

  private static func groupID(of group: String) throws(ListeningSocketError) -> gid_t {
    if let number = gid_t(group) { return number }
    var entry = Glibc.group()
    var found: UnsafeMutablePointer<Glibc.group>?
    var buffer = [CChar](repeating: 0, count: 1 << 16)
    guard getgrnam_r(group, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
      throw .unknownGroup(group)
    }
    return entry.gr_gid
  }
}

/// Which file a path names at the moment: a file made anew at the same path is another one.
struct FileIdentity: Equatable {
  let device: dev_t
  let inode: ino_t
  let isSocket: Bool

  /// Nil, with `errno` set, where nothing can be seen at `path`; a symbolic link is not followed.
  init?(of path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init?(of descriptor: CInt) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = status.st_dev
    inode = status.st_ino
    isSocket = status.st_mode & S_IFMT == S_IFSOCK
  }
}

extension ListeningSocketError {
  /// The case that an `errno` value stands for.
  static func failure(_ action: String, _ path: String, _ code: Int32) -> Self {
    switch code {
    case ENOENT, ENOTDIR: .directoryMissing(path: path)
    case EACCES, EPERM, EROFS: .permissionDenied(path: path, action: action)
    case EADDRINUSE: .inUse(path: path, pid: nil)
    default: .system(path: path, action: action, errno: code)
    }
  }
}
