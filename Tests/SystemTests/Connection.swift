import Foundation
import Synchronization

/// The daemon's answer to a request that failed.
struct RequestFailure: Error, Equatable {
  let code: Int
  let name: String?
  let message: String
}

/// A client's connection: lines out, lines in. It knows nothing of the project's own client.
final class Connection: Sendable {
  private let descriptor: CInt
  private let queue = DispatchQueue(label: "connection")
  private let unread = Mutex<[UInt8]>([])
  private let lastID = Atomic(0)

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let status = UnixAddress.with(path) { connect(descriptor, $0, $1) }
    guard status == 0 else { throw TestFailure("cannot connect to \(path): errno \(errno)") }
  }

  deinit { close(descriptor) }

  /// Sends bytes as they are; false when the other side has closed.
  func send(_ bytes: some Collection<UInt8> & Sendable) async -> Bool {
    await onQueue { [descriptor] in
      var rest = Array(bytes)[...]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if sent < 0, errno == EINTR { continue }
        guard sent > 0 else { return false }
        rest = rest.dropFirst(sent)
      }
      return true
    }
  }

  /// The next line without its end; nil when the other side has closed, or nothing came in time.
  func line(within patience: Duration = .seconds(120)) async -> Data? {
    await onQueue { [self] in
      var buffer = unread.withLock { $0 }
      defer { unread.withLock { $0 = buffer } }
      var searched = 0
      while true {
        if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
          defer { buffer.removeFirst(end + 1) }
          return Data(buffer[..<end])
        }
        searched = buffer.count
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, patience.milliseconds) == 1 else { return nil }
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return nil }
        buffer += chunk[..<count]
      }
    }
  }

  /// Sends a request and does not wait; returns its id.
  func start(_ method: String, _ params: JSON = [:]) async throws -> Int {
    let id = lastID.add(1, ordering: .relaxed).newValue
    let request: JSON = [
      "jsonrpc": "2.0", "id": .number(Double(id)), "method": .string(method), "params": params,
    ]
    guard await send(try request.written() + [UInt8(ascii: "\n")]) else {
      throw TestFailure("the daemon closed before \(method)")
    }
    return id
  }

  /// The next answer: a result, or the failure it tells.
  func answer(to what: String = "a request") async throws -> JSON {
    while true {
      guard let line = await line() else { throw TestFailure("no answer to \(what)") }
      let answer = try JSON(parsing: line)
      // A notification (progress) has no id and is no answer.
      if case .object(let fields) = answer, fields["id"] == nil { continue }
      let error = answer["error"]
      guard error == .null else {
        throw RequestFailure(
          code: Int(error["code"].number ?? 0), name: error["data"]["name"].string,
          message: error["message"].string ?? "")
      }
      return answer["result"]
    }
  }

  func call(_ method: String, _ params: JSON = [:]) async throws -> JSON {
    _ = try await start(method, params)
    return try await answer(to: method)
  }

  private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: body()) }
    }
  }
}
