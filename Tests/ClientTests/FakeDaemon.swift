import Foundation
import Glibc
import Synchronization
import Testing

/// What a scripted daemon received: one line, read by Foundation, not by the code under test.
struct Received {
  let line: String
  let id: Any
  let method: String
  let params: [String: Any]

  /// The collection's name, which most methods have.
  var collection: String? { params["collection"] as? String }
}

/// What it does about it.
enum Reply {
  /// The text of a result.
  case result(String)
  case error(Int, String, String)
  /// Any bytes.
  case raw(String)
  /// Nothing for now.
  case silence
  /// Closes the connection.
  case close
}

/// A daemon on a real Unix-domain socket that does what a test's script says.
final class FakeDaemon: Sendable {
  let path: String
  private let folder: URL
  private let listener: Int32
  private let lines = Mutex<[String]>([])
  private let finished = DispatchSemaphore(value: 0)

  /// - Parameter script: the replies to each line, in order; called on the daemon's one thread.
  init(_ script: @escaping @Sendable (Received) -> [Reply]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "esvit-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "s").path
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(listener, 4) == 0)
    Thread.detachNewThread { [self] in serve(script) }
  }

  /// The lines received so far.
  var received: [String] { lines.withLock { $0 } }

  /// Stops listening; an open connection ends with its client.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    finished.wait()
    close(listener)
    try? FileManager.default.removeItem(at: folder)
  }

  private func serve(_ script: (Received) -> [Reply]) {
    defer { finished.signal() }
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      converse(connection, script)
      close(connection)
    }
  }

  private func converse(_ connection: Int32, _ script: (Received) -> [Reply]) {
    var buffer = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else { return }
      buffer.append(contentsOf: chunk[..<count])
      while let end = buffer.firstIndex(of: 0x0A) {
        let line = Data(buffer[buffer.startIndex..<end])
        buffer.removeSubrange(buffer.startIndex...end)
        lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
          let method = object["method"] as? String
        else { return }
        let received = Received(
          line: String(decoding: line, as: UTF8.self), id: object["id"] ?? NSNull(), method: method,
          params: object["params"] as? [String: Any] ?? [:])
        for reply in script(received) {
          guard answer(reply, received.id, connection) else { return }
        }
      }
    }
  }

  private func answer(_ reply: Reply, _ id: Any, _ connection: Int32) -> Bool {
    switch reply {
    case .result(let text): send("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":\(text)}\n", connection)
    case .error(let code, let name, let message):
      send(
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"error\":{\"code\":\(code),\"message\":\"\(message)\",\"data\":{\"name\":\"\(name)\"}}}\n",
        connection)
    case .raw(let text): send(text, connection)
    case .silence: true
    case .close: false
    }
  }

  private func send(_ text: String, _ connection: Int32) -> Bool {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}

/// The built `esvit`, run as a user runs it.
struct Client {
  let status: Int32
  let output: String
  let error: String

  /// The binary beside the test bundle.
  static var binary: URL {
    get throws {
      let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      let candidates = [
        bundle.deletingLastPathComponent(), URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent(),
      ]
      let found = candidates.map { $0.appending(path: "esvit") }.first {
        FileManager.default.isExecutableFile(atPath: $0.path)
      }
      return try #require(found, "no esvit beside the test bundle: \(candidates)")
    }
  }

  @discardableResult
  init(_ arguments: [String], environment: [String: String] = [:], input: String = "", in folder: URL? = nil) throws {
    let process = Process()
    process.executableURL = try Self.binary
    process.arguments = arguments
    process.environment = environment
    process.currentDirectoryURL = folder
    let (input, inputPipe) = (input, Pipe())
    let (outputPipe, errorPipe) = (Pipe(), Pipe())
    process.standardInput = inputPipe
    process.standardOutput = outputPipe
    process.standardError = errorPipe
    try process.run()
    try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try inputPipe.fileHandleForWriting.close()
    // Standard error is read on a thread of its own, so that neither pipe can fill and block the process.
    let errorText = Mutex(Data())
    let read = DispatchSemaphore(value: 0)
    let handle = errorPipe.fileHandleForReading
    let descriptor = handle.fileDescriptor
    Thread.detachNewThread {
      var chunk = [UInt8](repeating: 0, count: 4_096)
      while true {
        let count = Glibc.read(descriptor, &chunk, chunk.count)
        guard count > 0 else { break }
        errorText.withLock { $0.append(contentsOf: chunk[..<count]) }
      }
      read.signal()
    }
    output = String(decoding: outputPipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    read.wait()
    withExtendedLifetime(handle) {}
    process.waitUntilExit()
    error = String(decoding: errorText.withLock { $0 }, as: UTF8.self)
    status = process.terminationStatus
  }
}

/// A folder that is gone after the test.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "esvit-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// Writes a file, folders on the way included; gives its path.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]) throws -> String {
    let file = url.appending(path: name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path
  }

  var path: String { url.path }
}
