import Glibc

/// The directories below which images may be opened by path: none, unless the daemon was told some.
///
/// A path is walked one component at a time from a descriptor of its root, each opened without following links; so
/// neither `..` nor a link, not even one that is swapped in during the walk, leads out.
package final class ImageRoots: Sendable {
  private struct Root: Sendable {
    /// The spellings by which an absolute path may name this root, without a trailing slash.
    let names: [String]
    let descriptor: Int32
  }

  private let roots: [Root]

  /// No directory at all: every path is refused.
  package static let none = ImageRoots(roots: [])

  private init(roots: [Root]) { self.roots = roots }

  /// Opens the directories, which stay open as long as this value.
  /// - Throws: `ImageError.unreadableFile` for one that cannot be opened.
  package convenience init(_ directories: [String]) throws(ImageError) {
    var roots: [Root] = []
    for directory in directories {
      guard !directory.utf8.contains(0), let resolved = realpath(directory, nil) else {
        roots.forEach { close($0.descriptor) }
        throw .unreadableFile(directory, reason: String(cString: strerror(errno)))
      }
      defer { free(resolved) }
      let descriptor = Glibc.open(resolved, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        roots.forEach { close($0.descriptor) }
        throw .unreadableFile(directory, reason: String(cString: strerror(errno)))
      }
      let names = [directory, String(cString: resolved)].filter { $0.hasPrefix("/") }.map(Self.withoutTrailingSlash)
      roots.append(Root(names: names, descriptor: descriptor))
    }
    self.init(roots: roots)
  }

  deinit { roots.forEach { close($0.descriptor) } }

  /// Opens a plain file below a root: an absolute path below one of them, or a relative one in the first that has it.
  /// - Throws: `ImageError.forbiddenPath` or `.unreadableFile`.
  func open(_ path: String) throws(ImageError) -> ImageFile {
    guard !roots.isEmpty else {
      throw .forbiddenPath(path, reason: "the daemon was started without --image-root; send the image itself")
    }
    guard !path.isEmpty, path.utf8.count <= 4096, !path.utf8.contains(0) else {
      throw .forbiddenPath("", reason: "it is empty, too long or holds a zero byte")
    }
    var problem = ImageError.forbiddenPath(path, reason: "it is not below a directory given as --image-root")
    for root in roots {
      guard let components = Self.components(of: path, below: root) else { continue }
      guard !components.isEmpty, !components.contains("."), !components.contains("..") else {
        throw .forbiddenPath(path, reason: "it names no file, or has a \".\" or \"..\" in it")
      }
      do throws(ImageError) { return try Self.walk(components, from: root.descriptor, path: path) } catch {
        problem = error
        // Only a file that is missing here may be in the next root.
        guard case .unreadableFile = error else { throw error }
      }
    }
    throw problem
  }

  private static func withoutTrailingSlash(_ name: String) -> String {
    name.utf8.count > 1 && name.utf8.last == slash ? withoutTrailingSlash(String(name.dropLast())) : name
  }

  private static let slash = UInt8(ascii: "/")

  /// What follows the root's name; nil for an absolute path elsewhere. By bytes, as the system reads a path: to Swift's
  /// `Character`, a slash with a combining mark behind it is no slash.
  private static func components(of path: String, below root: Root) -> [String]? {
    var rest = Substring(path).utf8
    if rest.first == slash {
      let name = root.names.first { name in
        path.utf8.starts(with: name.utf8)
          && (name == "/" || path.utf8.dropFirst(name.utf8.count).first.map { $0 == slash } ?? true)
      }
      guard let name else { return nil }
      rest = rest.dropFirst(name.utf8.count)
    }
    return rest.split(separator: slash).compactMap { String($0) }
  }

  private static func walk(_ components: [String], from root: Int32, path: String) throws(ImageError) -> ImageFile {
    var directory = root
    defer { if directory != root { close(directory) } }
    for (place, component) in components.enumerated() {
      let isLast = place == components.count - 1
      // Without O_NONBLOCK, opening a FIFO would wait for its writer.
      let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (isLast ? O_NONBLOCK | O_NOCTTY : O_DIRECTORY)
      let descriptor = openat(directory, component, flags)
      guard descriptor >= 0 else {
        let code = errno
        if code == ELOOP || (code == ENOTDIR && isLink(component, in: directory)) {
          throw .forbiddenPath(path, reason: "\"\(component)\" is a link")
        }
        if code == ENXIO { throw .forbiddenPath(path, reason: "it is no plain file") }
        throw .unreadableFile(path, reason: String(cString: strerror(code)))
      }
      if isLast { return try ImageFile(owning: descriptor, path: path) }
      if directory != root { close(directory) }
      directory = descriptor
    }
    throw .forbiddenPath(path, reason: "it names no file")
  }

  private static func isLink(_ component: String, in directory: Int32) -> Bool {
    var status = stat()
    return fstatat(directory, component, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }
}
