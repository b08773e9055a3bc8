import Foundation

/// A fresh folder with a short path (a socket's path holds 107 bytes), removed at the end of its life.
final class Folder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/esvitd-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw TestFailure("cannot make a folder below /tmp: errno \(errno)") }
    path = String(cString: made)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a folder in it.
  func folder(_ name: String) throws -> String {
    try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: true)
    return file(name)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
