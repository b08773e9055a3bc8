import Glibc

/// A file open for reading, whose every read is checked against its size.
///
/// Reads copy (`pread`) instead of mapping the file, so that a file cut short while it is read is an error and not a
/// bus error.
final class ModelFile: Sendable {
  let path: String
  /// Bytes, when it was opened.
  let size: Int
  private let descriptor: Int32

  init(path: String) throws(ModelError) {
    // Without O_NONBLOCK a pipe with no writer would hold us for good.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(file: path, reason: "it is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The bytes of a range of the file; `place` names it in errors.
  func read(_ range: Range<Int>, place: String) throws(ModelError) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= size else {
      throw malformed(place, "bytes \(range.lowerBound)…\(range.upperBound) are not in the file's \(size)")
    }
    var failure: ModelError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { out, initialized in
      while initialized < range.count {
        let rest = out.baseAddress?.advanced(by: initialized)
        let count = pread(descriptor, rest, range.count - initialized, off_t(range.lowerBound + initialized))
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
          failure =
            count == 0
            ? malformed(place, "the file ended while it was read")
            : .unreadable(file: path, reason: String(cString: strerror(errno)))
          return
        }
        initialized += count
      }
    }
    if let failure { throw failure }
    return bytes
  }

  func malformed(_ place: String, _ reason: String) -> ModelError {
    .malformed(file: path, place: place, reason: reason)
  }
}

extension [UInt8] {
  /// The little-endian unsigned integer of a few bytes; the caller has checked the bounds.
  func littleEndian<T: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: T.Type = T.self) -> T {
    var value: T = 0
    for i in 0..<MemoryLayout<T>.size { value |= T(self[offset + i]) << T(8 * i) }
    return value
  }
}
