import Glibc

/// The text of an `errno` value, without `strerror`'s shared buffer.
package func errorText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Repeats a system call that a signal interrupted.
func retryingInterrupts<Value: SignedInteger>(_ call: () -> Value) -> Value {
  while true {
    let result = call()
    if result == -1, errno == EINTR { continue }
    return result
  }
}

extension sockaddr_un {
  /// The longest path in bytes; the last byte is its terminating zero.
  static var longestPath: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 }

  /// Calls `body` with the address of `path`, or returns nil where it is empty, too long or holds a zero byte.
  ///
  /// A leading `@` stands for a name in the abstract namespace when `abstract` is set, as in `NOTIFY_SOCKET`.
  static func with<Result>(
    path: String, abstract: Bool = false, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result? {
    var bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count <= longestPath, !bytes.contains(0) else { return nil }
    let isAbstract = abstract && bytes[0] == UInt8(ascii: "@")
    if isAbstract { bytes[0] = 0 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    // An abstract name is as long as it is said to be; a path ends with its zero byte.
    let prefix = MemoryLayout<sockaddr_un>.size - (longestPath + 1)
    let length = socklen_t(prefix + bytes.count + (isAbstract ? 0 : 1))
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
