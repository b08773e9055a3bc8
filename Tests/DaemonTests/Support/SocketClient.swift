import Dispatch
import Foundation
import Synchronization
import Wire

@testable import Daemon

/// A client on a plain blocking socket, off the cooperative pool; every wait is bounded.
final class SocketClient: Sendable {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let descriptor: CInt
  private let framing = Mutex(LineFraming(limit: 1 << 30))
  private let isClosed = Mutex(false)

  init(path: String, timeout: Int = 20) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(description: "socket: \(errno)") }
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    guard sockaddr_un.with(path: path, { connect(descriptor, $0, $1) }) == 0 else {
      defer { Glibc.close(descriptor) }
      throw Failure(description: "connect \(path): \(errno)")
    }
  }

  deinit { close() }

  func close() {
    isClosed.withLock { isClosed in
      if !isClosed { Glibc.close(descriptor) }
      isClosed = true
    }
  }

  /// Closes the writing side only.
  func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread { continuation.resume(with: Result(catching: body)) }.start()
    }
  }

  func send(_ bytes: [UInt8]) async throws {
    try await blocking { [descriptor] in
      var rest = bytes[...]
      while !rest.isEmpty {
        let sent = rest.withUnsafeBytes {
          Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard sent > 0 else { throw Failure(description: "send: \(errno)") }
        rest = rest.dropFirst(sent)
      }
    }
  }

  func send(_ text: String) async throws { try await send(Array(text.utf8)) }

  /// The next line; nil at the end of the stream.
  func line() async throws -> [UInt8]? {
    try await blocking { [self] in
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        if case .line(let line)? = framing.withLock({ $0.next() }) { return line }
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count == 0 || (count < 0 && errno == ECONNRESET) { return nil }
        guard count > 0 else { throw Failure(description: "recv: \(errno == EAGAIN ? "nothing came" : "\(errno)")") }
        framing.withLock { $0.push(Array(chunk[..<count])) }
      }
    }
  }

  /// The next message as JSON.
  func message() async throws -> JSONValue {
    guard let line = try await line() else { throw Failure(description: "the connection was closed") }
    return try JSONParser.parse(line)
  }

  /// Sends a request and returns the next message.
  func call(_ method: String, _ params: JSONObject = [:], id: Int = 1) async throws -> JSONValue {
    let request = Request(id: .number(Int64(id)), method: method, params: params)
    try await send(JSONWriter.line(of: request))
    return try await message()
  }
}
