import Glibc

/// An image file that was asked for.
struct ImageFile: Sendable, Equatable {
  /// Where it is, as it was named or found.
  var path: String
  /// Its path below the folder that was named; the path itself for a file that was named.
  var name: String
  /// Whether path and name are those of the file; false where these are not UTF-8 and have replacement characters, by
  /// which it can neither be opened nor have an id.
  var isUTF8 = true

  /// The name of the folder that it lies in, nil at the root of the file system.
  var folder: String? {
    let parts = path.split(separator: "/")
    if parts.count > 1, parts[parts.count - 2] != ".", parts[parts.count - 2] != ".." {
      return String(parts[parts.count - 2])
    }
    let resolved = ImageFiles.absolute(path).split(separator: "/")
    return resolved.count > 1 ? String(resolved[resolved.count - 2]) : nil
  }
}

/// Files, folders and patterns of the command line, as a list of image files.
enum ImageFiles {
  static let extensions: Set<String> = ["jpg", "jpeg", "jpe", "png", "tif", "tiff", "webp"]
  /// Folders deeper than this are not entered.
  private static let deepest = 64

  /// The files in the order of the arguments; within a folder or pattern, sorted by path. A folder gives the images in
  /// it and below it, by their extensions; hidden ones are passed over, and links to folders are not followed.
  /// - Throws: `file` for what is not there, `usage` where nothing is found or one file is named twice.
  static func expand(_ arguments: [String]) throws(ClientError) -> [ImageFile] {
    var files: [ImageFile] = []
    for argument in arguments {
      var found: [ImageFile] = []
      switch kind(Array(argument.utf8)) {
      case .folder: try walk(Array(argument.utf8), below: [], depth: 0, into: &found)
      case .file: found = [ImageFile(path: argument, name: argument)]
      case nil:
        let matches = glob(argument)
        guard !matches.isEmpty else { throw .file(path: argument, reason: "no such file, folder or match") }
        for match in matches {
          if kind(match) == .folder {
            try walk(match, below: lastPart(match) + [slash], depth: 0, into: &found)
          } else {
            found.append(file(at: match, name: match))
          }
        }
      }
      guard !found.isEmpty else {
        throw .usage("\(argument): no image in it (\(extensions.sorted().joined(separator: ", ")))")
      }
      files += found
    }
    return files
  }

  private enum Kind { case file, folder }

  /// A path as the file system has it: any bytes.
  private typealias Bytes = [UInt8]
  private static let slash = UInt8(ascii: "/")

  private static func cString(_ path: Bytes) -> [CChar] { path.map(CChar.init(bitPattern:)) + [0] }

  private static func kind(_ path: Bytes) -> Kind? {
    var status = stat()
    guard stat(cString(path), &status) == 0 else { return nil }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }

  private static func lastPart(_ path: Bytes) -> Bytes { path.split(separator: slash).last.map(Array.init) ?? path }

  private static func file(at path: Bytes, name: Bytes) -> ImageFile {
    ImageFile(
      path: String(decoding: path, as: UTF8.self), name: String(decoding: name, as: UTF8.self),
      isUTF8: String(validating: path, as: UTF8.self) != nil)
  }

  static func isImage(_ name: String) -> Bool {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
    return extensions.contains(name[name.index(after: dot)...].lowercased())
  }

  private static func walk(
    _ folder: Bytes, below prefix: Bytes, depth: Int, into files: inout [ImageFile]
  ) throws(ClientError) {
    func failed(_ reason: String) -> ClientError {
      .file(path: String(decoding: folder, as: UTF8.self), reason: reason)
    }
    guard depth <= deepest else { throw failed("more than \(deepest) folders deep") }
    guard let directory = opendir(cString(folder)) else { throw failed(Connection.reason(errno)) }
    var names: [Bytes] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Bytes($0.prefix { $0 != 0 }) }
      if name.first != UInt8(ascii: ".") { names.append(name) }
    }
    closedir(directory)
    let base = folder.last == slash ? folder : folder + [slash]
    for name in names.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      var status = stat()
      guard lstat(cString(base + name), &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        try walk(base + name, below: prefix + name + [slash], depth: depth + 1, into: &files)
      } else if isImage(String(decoding: name, as: UTF8.self)), kind(base + name) == .file {
        files.append(file(at: base + name, name: prefix + name))
      }
    }
  }

  private static func glob(_ pattern: String) -> [Bytes] {
    var result = glob_t()
    defer { globfree(&result) }
    guard Glibc.glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      paths[index].map { Bytes(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
  }

  /// A file's bytes.
  /// - Throws: `file` where it cannot be read or is longer than `limit`.
  static func read(_ path: String, limit: Int) throws(ClientError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path: path, reason: Connection.reason(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(path: path, reason: Connection.reason(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path: path, reason: "not a regular file") }
    let size = Int(status.st_size)
    guard size <= limit else {
      throw .file(path: path, reason: "\(Text.bytes(size)); a file inside a request has at most \(Text.bytes(limit))")
    }
    var bytes = [UInt8](repeating: 0, count: size)
    var filled = 0
    while filled < size {
      let count = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress.map { $0 + filled }, size - filled)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .file(path: path, reason: Connection.reason(errno)) }
      if count == 0 { break }
      filled += count
    }
    bytes.removeLast(size - filled)
    return bytes
  }

  /// The path from the root of the file system, links and dots resolved where the file is there.
  static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
