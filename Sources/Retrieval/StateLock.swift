import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The exclusive right to a state directory, held by an advisory lock on a file in it.
///
/// The kernel gives it back when the descriptor closes, and so after `kill -9` too; the file itself stays.
final class StateLock: Sendable {
  private let descriptor: Int32

  /// - Throws: `.inUse` where another archive holds it, `.readOnly` where the file cannot be made.
  init(directory: URL) throws(ArchiveError) {
    let path = directory.appendingPathComponent("lock").path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw systemFailure(errno, path: path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      defer { close(descriptor) }
      guard reason == EWOULDBLOCK else { throw systemFailure(reason, path: path) }
      throw .inUse(path: directory.path, process: Self.holder(descriptor))
    }
    self.descriptor = descriptor
    // Only a hint for the message above: a failure to write it (a full disk) costs nothing else.
    let text = Array("\(getpid())\n".utf8)
    if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
  }

  deinit { close(descriptor) }

  private static func holder(_ descriptor: Int32) -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: bytes.prefix(count), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}

/// What the error number of a failed system call on `path` means.
func systemFailure(_ number: Int32, path: String) -> ArchiveError {
  let reason = String(cString: strerror(number))
  return switch number {
  case ENOSPC, EDQUOT: .diskFull(path: path)
  case EROFS, EACCES, EPERM: .readOnly(path: path, reason: reason)
  default: .storage(path: path, reason: reason)
  }
}
