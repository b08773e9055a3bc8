import Glibc

@testable import Daemon

/// A fresh folder with a short path (a socket's path holds 107 bytes), removed at the end of its life.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws(ListeningSocketError) {
    var template = Array("/tmp/esvitd-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw .failure("make a folder", "/tmp", errno) }
    path = String(cString: made)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  deinit {
    guard let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { unlink(file(name)) }
    }
    closedir(folder)
    rmdir(path)
  }
}

/// The permission bits of the file at `path`; nil where there is none.
func mode(of path: String) -> mode_t? {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

/// Connects to the stream socket at `path`; returns 0 or the `errno`.
func connectStatus(_ path: String) -> Int32 {
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  return sockaddr_un.with(path: path) { connect(descriptor, $0, $1) == 0 ? 0 : errno } ?? EINVAL
}
