import Foundation

/// A folder that is gone with the value.
final class TemporaryFolder {
  private let url: URL
  private var written = 0

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "esvitd-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { name.isEmpty ? url.path : url.appending(path: name).path }

  /// Writes a file and answers its path; the one before it is removed.
  func write(_ bytes: [UInt8]) throws -> String {
    try? FileManager.default.removeItem(atPath: path("\(written)"))
    written += 1
    try Data(bytes).write(to: url.appending(path: "\(written)"))
    return path("\(written)")
  }

  func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: url.path) }
}
