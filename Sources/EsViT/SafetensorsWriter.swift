import Glibc

/// Writes a safetensors file: at once or not at all.
enum SafetensorsWriter {
  /// Writes tensors and header words to a new file beside `path`, makes it durable, and puts it in `path`'s place. The
  /// same arguments give the same bytes.
  static func write(
    _ tensors: [String: Tensor], metadata: [String: String], to path: String
  ) throws(ModelError) {
    // Wide types first keeps every tensor aligned, as the format's own library does.
    let sorted = tensors.sorted { ($1.value.dtype.size, $0.key) < ($0.value.dtype.size, $1.key) }
    var entries: [String] = []
    let words = metadata.sorted { $0.key < $1.key }
      .map { "\(HeaderJSON.quoted($0.key)):\(HeaderJSON.quoted($0.value))" }
    if !words.isEmpty { entries.append("\"__metadata__\":{\(words.joined(separator: ","))}") }
    var offset = 0
    for (name, tensor) in sorted {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.bytes.count
      entries.append(
        "\(HeaderJSON.quoted(name)):"
          + "{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    header += Array(repeating: 0x20, count: (8 - header.count % 8) % 8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }

    let temporary = "\(path).\(getpid()).partial"
    unlink(temporary)  // left by a process of the same number that was killed
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure(path) }
    var done = write(length + header, to: descriptor)
    for (_, tensor) in sorted where done { done = write(tensor.bytes, to: descriptor) }
    done = done && fsync(descriptor) == 0
    let error = errno
    done = close(descriptor) == 0 && done
    guard done, rename(temporary, path) == 0 else {
      let failed = done ? errno : error
      unlink(temporary)
      throw .unwritable(file: path, reason: String(cString: strerror(failed)))
    }
  }

  private static func failure(_ path: String) -> ModelError {
    .unwritable(file: path, reason: String(cString: strerror(errno)))
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while offset < raw.count {
        let count = Glibc.write(descriptor, raw.baseAddress?.advanced(by: offset), raw.count - offset)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return false }
        offset += count
      }
      return true
    }
  }
}
