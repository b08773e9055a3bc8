import Glibc

/// An advisory lock on `PATH.lock`, held as long as a daemon owns the socket at `PATH`.
///
/// The kernel frees it when the process ends in whatever way, so a crash never leaves a lock behind.
struct SocketLock: Sendable {
  private let path: String
  private let descriptor: CInt

  /// Takes the lock or throws `.inUse` with the holder's process number.
  init(guarding socketPath: String) throws(ListeningSocketError) {
    path = socketPath + ".lock"
    // A holder removes the file before it unlocks, so a lock may turn out to be on a file that is gone: then again.
    for _ in 0..<16 {
      let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard file >= 0 else { throw .failure("open the lock", path, errno) }
      guard retryingInterrupts({ flock(file, LOCK_EX | LOCK_NB) }) == 0 else {
        let code = errno
        defer { close(file) }
        guard code == EWOULDBLOCK else { throw .failure("lock", path, code) }
        throw .inUse(path: socketPath, pid: Self.holder(file))
      }
      if let ours = FileIdentity(of: file), ours == FileIdentity(of: path) {
        descriptor = file
        let text = Array("\(getpid())\n".utf8)
        // For people and for the message of a second daemon; the lock holds without it.
        if ftruncate(file, 0) == 0 { _ = pwrite(file, text, text.count, 0) }
        return
      }
      close(file)
    }
    throw .inUse(path: socketPath, pid: nil)
  }

  func release() {
    unlink(path)
    close(descriptor)
  }

  private static func holder(_ file: CInt) -> Int32? {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(file, &text, text.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: text[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
  }
}
