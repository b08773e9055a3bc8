import ArgumentParser
import Daemon
import Foundation

/// `esvitd config`: the settings that hold, and where each comes from.
struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the settings that hold and where each comes from.",
    discussion: "Takes the flags of `serve`, so that a command line can be tried before it is used.")

  @OptionGroup var options: SettingsOptions
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let origins: [SettingOrigin]
    do {
      origins = try options.read().origins
    } catch let error as SettingsError {
      FileHandle.standardError.write(Data("esvitd: \(error)\n".utf8))
      throw ExitCode(78)  // EX_CONFIG
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(origins), as: UTF8.self))
    } else {
      print(Self.table(origins))
    }
  }

  /// Three columns: setting, value, source.
  static func table(_ origins: [SettingOrigin]) -> String {
    let rows = [["SETTING", "VALUE", "FROM"]] + origins.map { [$0.key, $0.value.isEmpty ? "–" : $0.value, $0.source] }
    let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      (0..<2).map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }.joined(separator: "  ")
        + "  " + row[2]
    }.joined(separator: "\n")
  }
}
