import Glibc
import Wire

/// Standard output and standard error, written whole.
enum Output {
  static func write(_ text: String) { write(Array(text.utf8)) }

  /// Writes bytes to standard output; ends the program where that fails, since nobody can be told the result then.
  static func write(_ bytes: [UInt8]) {
    guard bytes.withUnsafeBytes({ write($0, to: STDOUT_FILENO) }) else {
      error("standard output: \(Connection.reason(errno))")
      exit(ClientError.requestStatus)
    }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return true
  }

  static func line(_ text: String) { write(text + "\n") }

  /// One JSON value on a line of its own.
  static func json(_ value: some JSONWritable) { write(JSONWriter.line(of: value)) }

  /// A message on standard error, after `esvit: `; control characters of what it quotes are escaped.
  static func error(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Text.clean(String($0)) }
    standardError("esvit: " + lines.joined(separator: "\n") + "\n")
  }

  static func standardError(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write($0, to: STDERR_FILENO) } }

  /// Columns of the terminal at standard output; 80 where there is none.
  static var width: Int {
    var size = winsize()
    guard isatty(STDOUT_FILENO) == 1, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return max(Int(size.ws_col), 40)
  }

  /// Writes a file whole: into a new file beside it that then takes its place.
  static func write(_ bytes: [UInt8], to path: String) throws(ClientError) {
    let temporary = "\(path).\(getpid()).part"
    guard let file = fopen(temporary, "wxe") else { throw .file(path: path, reason: Connection.reason(errno)) }
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    let closed = fclose(file)
    guard written == bytes.count, closed == 0, rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .file(path: path, reason: Connection.reason(code))
    }
  }
}
