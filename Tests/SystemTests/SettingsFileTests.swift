import Foundation
import Testing

@Suite("The settings file that is installed")
struct SettingsFileTests {
  /// The rows of `esvitd config`: setting, value and where it comes from.
  private func rows(_ file: String) async throws -> [String: [Substring]] {
    let child = try Child([Built.esvitd, "config", "--config", file], environment: ["HOME": "/nowhere"])
    #expect(try await child.ended() == .exit(0), "\(child.errors)")
    let rows = child.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    return Dictionary(rows.map { (String($0[0]), $0) }) { $1 }
  }

  @Test("is read as it is, and the defaults that it tells are the daemon's")
  func defaults() async throws {
    let folder = try Folder()
    let file = Built.root.appendingPathComponent("systemd/config.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    // Every `#key: value` becomes a setting.
    let uncommented = text.split(separator: "\n").compactMap { line in
      line.hasPrefix("#") && line.dropFirst().first?.isLowercase == true ? String(line.dropFirst()) : nil
    }
    try uncommented.joined(separator: "\n").write(
      toFile: folder.file("config.yaml"), atomically: true, encoding: .utf8)
    let asInstalled = try await rows(file.path)
    let told = try await rows(folder.file("config.yaml"))
    #expect(asInstalled.values.allSatisfy { $0.last == "default" })
    for line in uncommented where !line.hasPrefix("model:") && !line.hasPrefix("image-root:") {
      let key = String(line.prefix { $0 != ":" })
      #expect(told[key]?.contains("file") == true, "\(key)")
      #expect(told[key]?[1] == asInstalled[key]?[1], "\(key)")
    }
  }
}
