import Glibc

/// An open plain file of known size; closed with the value's end.
struct ImageFile: ~Copyable {
  private let descriptor: Int32
  private let path: String
  /// Bytes, when it was opened.
  let size: Int

  /// Takes over the descriptor.
  init(owning descriptor: Int32, path: String) throws(ImageError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .unreadableFile(path, reason: String(cString: strerror(code)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .forbiddenPath(path, reason: "it is no plain file")
    }
    self.descriptor = descriptor
    self.path = path
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// The whole file, as far as it reached when it was opened.
  func read(limit: Int) throws(ImageError) -> [UInt8] {
    guard size <= limit else { throw .fileTooLarge(bytes: size, limit: limit) }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { target, count in
      while count < size {
        let got = Glibc.read(descriptor, target.baseAddress?.advanced(by: count), size - count)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        guard got > 0 else { return }
        count += got
      }
    }
    guard failure == 0 else { throw .unreadableFile(path, reason: String(cString: strerror(failure))) }
    return bytes
  }
}
