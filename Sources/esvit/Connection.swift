import Glibc
import Wire

/// One conversation with the daemon over its Unix-domain socket, by plain blocking calls.
///
/// While it sends it also receives, so that two peers with full buffers never wait for each other.
final class Connection {
  /// Longest line that is taken from the daemon: a page of 1,000 items with embeddings and thumbnails fits well.
  static let longestAnswer = 512 << 20

  /// Requests that are under way at a time.
  static let requestsInFlight = 2

  private let descriptor: Int32
  private let path: String
  /// Seconds of silence after which an awaited answer is given up; nil waits for good.
  private let timeout: Double?
  private var framing = LineFraming(limit: Connection.longestAnswer)
  private var lastID: Int64 = 0
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// - Throws: `noDaemon` where nobody listens at the path, with what to do about it.
  init(path: String, timeout: Double? = nil) throws(ClientError) {
    self.path = path
    self.timeout = timeout
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !path.isEmpty, path.utf8.count < room else {
      throw .usage("\(path): a socket's path has 1 to \(room - 1) bytes; this one has \(path.utf8.count)")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw .file(path: path, reason: "no socket: \(Self.reason(errno))") }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
    }
    guard status == 0 else {
      let code = errno
      close(descriptor)
      throw .noDaemon(path: path, reason: Self.reason(code), remedy: Self.remedy(code))
    }
  }

  deinit { close(descriptor) }

  static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  private static func remedy(_ code: Int32) -> String {
    if code == EACCES || code == EPERM {
      return """
        The socket belongs to the group esvitd. Join it, then log in again:
          sudo usermod --append --groups esvitd "$USER"
        """
    }
    return """
      Start one in another terminal:  esvitd serve
      or the service:                 sudo systemctl start esvitd.socket
      or name its socket:             esvit … --socket PATH   (or set ESVIT_SOCKET)
      """
  }

  /// Sends a request and waits for its result.
  func result(of call: Call) throws(ClientError) -> JSONValue {
    let id = nextID()
    try send(call.line(id: id))
    return try answer(to: id)
  }

  /// Sends any method with any parameters and waits for its result.
  func result(of method: String, _ params: JSONObject) throws(ClientError) -> JSONValue {
    let id = nextID()
    try send(JSONWriter.line(of: Request(id: id, method: method, params: params)))
    return try answer(to: id)
  }

  /// What the daemon's requests may weigh, which is a matter of its settings; the protocol's defaults where it does not
  /// say.
  func limits() throws(ClientError) -> Limits { Limits(try status()["limits"] ?? .null) }

  /// The limits of requests with images: no more of them than leaves room for the next request in the daemon's queue.
  func imageLimits() throws(ClientError) -> Limits {
    let status = try status()
    var limits = Limits(status["limits"] ?? .null)
    if let capacity = status["queue"]?["capacity"]?.integer {
      limits.items = min(limits.items, max(1, capacity / Self.requestsInFlight))
    }
    return limits
  }

  /// The daemon's status; null from one that has none.
  private func status() throws(ClientError) -> JSONValue {
    do { return try result(of: .status) } catch .request { return .null }
  }

  /// An id that no earlier request of this connection had.
  func nextID() -> RequestID {
    lastID += 1
    return .number(lastID)
  }

  private func answer(to id: RequestID) throws(ClientError) -> JSONValue {
    while true {
      guard case .answer(let answered, let outcome) = try receive(), answered == id || answered == .null else {
        continue
      }
      switch outcome {
      case .success(let value): return value
      case .failure(let error): throw .request(error)
      }
    }
  }

  /// Sends a whole line.
  func send(_ line: [UInt8]) throws(ClientError) {
    var sent = 0
    while sent < line.count {
      let ready = try wait(for: Int16(POLLIN | POLLOUT))
      if ready & Int16(POLLIN) != 0 { try read() }
      guard ready & Int16(POLLOUT) != 0 else { continue }
      let written = line[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if written >= 0 {
        sent += written
      } else if errno != EAGAIN, errno != EINTR {
        throw broken(errno)
      }
    }
  }

  /// The next message, whenever it comes.
  func receive() throws(ClientError) -> ServerMessage {
    while true {
      switch framing.next() {
      case .line(let line):
        guard let message = ServerMessage.decode(line) else {
          throw .malformed(Text.clean(String(decoding: line.prefix(200), as: UTF8.self)))
        }
        return message
      case .tooLong: throw .malformed("a line of more than \(Self.longestAnswer) bytes")
      case nil:
        _ = try wait(for: Int16(POLLIN))
        try read()
      }
    }
  }

  /// Waits until some of `connections` have something to receive, or for so many milliseconds (-1: for good).
  /// - Returns: their places.
  static func readable(_ connections: [Connection], milliseconds: Int32) throws(ClientError) -> [Int] {
    var entries = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    guard poll(&entries, nfds_t(entries.count), milliseconds) >= 0 || errno == EINTR else {
      throw .disconnected("waiting for answers failed: \(reason(errno))")
    }
    return entries.indices.filter { entries[$0].revents != 0 }
  }

  private func wait(for events: Int16) throws(ClientError) -> Int16 {
    while true {
      var entry = pollfd(fd: descriptor, events: events, revents: 0)
      let count = poll(&entry, 1, timeout.map { Int32(clamping: Int($0 * 1_000)) } ?? -1)
      if count > 0 {
        // A hang-up is left to read or send, which say what it is.
        let hangUp = entry.revents & Int16(POLLHUP | POLLERR) != 0
        return hangUp ? events : entry.revents
      }
      if count == 0 { throw .disconnected("the daemon was silent for \(Text.fixed(timeout ?? 0, 1)) s") }
      if errno != EINTR { throw .disconnected("waiting at \(path) failed: \(Self.reason(errno))") }
    }
  }

  private func read() throws(ClientError) {
    let count = receiveSome()
    if count == 0 { throw broken(0) }
    if count < 0, errno != EAGAIN, errno != EINTR { throw broken(errno) }
  }

  /// Takes what has arrived; 0 at the end of the stream, below 0 where nothing came or an error did.
  private func receiveSome() -> Int {
    let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
    if count > 0 { buffer.withUnsafeBytes { framing.push(UnsafeRawBufferPointer(rebasing: $0[..<count])) } }
    return count
  }

  /// Why the connection ended: the daemon's own last words where it left some, as for a line that is too long.
  private func broken(_ code: Int32) -> ClientError {
    while receiveSome() > 0 {}
    while case .line(let line) = framing.next() {
      if case .answer(_, .failure(let error)) = ServerMessage.decode(line) { return .request(error) }
    }
    let reason = code == 0 ? "" : ": \(Self.reason(code))"
    return .disconnected("the daemon closed the connection at \(path) before it had answered\(reason)")
  }
}
