// Reads settings from their sources and remembers where each came from and what was wrong.
import Configuration

/// Where one setting's value comes from: a row of `esvitd config`.
package struct SettingOrigin: Sendable, Codable, Equatable {
  /// The key, as in the file.
  package let key: String
  /// The value as text; empty when there is none.
  package let value: String
  /// `flag --device`, `environment ESVIT_DEVICE`, `file /etc/esvitd/config.yaml, key device`, or `default`.
  package let source: String
}

/// Everything that is wrong with the settings; each problem names key, source and what is allowed.
package struct SettingsError: Error, CustomStringConvertible, Equatable {
  package let problems: [String]

  package var description: String {
    problems.joined(separator: "\n")
  }

  /// An error of a library as one line.
  static func oneLine(_ error: any Error) -> String {
    "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}

/// Walks through the settings once, from the strongest source to the default.
struct SettingsReader {
  private let sources: SettingsSources
  private var origins: [SettingOrigin] = []
  private var problems: [String] = []

  init(sources: SettingsSources) {
    self.sources = sources
  }

  /// The value of `setting`; its default where it is missing, or wrong (then `finish` throws).
  mutating func read<Value>(_ setting: Setting<Value>) -> Value {
    let fallback = setting.fallback(sources.places)
    for source in sources.sources {
      guard let text = text(setting.key, in: source) else { continue }
      guard let value = setting.parse(text) else {
        problems.append(
          "\(setting.key) is \(Self.quoted(text)) (\(source.name(setting.key))), but must be \(setting.allowed)")
        continue
      }
      origins.append(SettingOrigin(key: setting.key, value: setting.show(value), source: source.name(setting.key)))
      return value
    }
    origins.append(SettingOrigin(key: setting.key, value: setting.show(fallback), source: "default"))
    return fallback
  }

  /// The keys read so far.
  var keys: [String] { origins.map(\.key) }

  /// All rows, or all problems.
  func finish() throws(SettingsError) -> [SettingOrigin] {
    let unknown = sources.unknownKeys.map { key in
      "\(sources.file ?? "the settings file") has the unknown key \(Self.quoted(key)); known are: "
        + Settings.knownKeys.joined(separator: ", ")
    }
    guard problems.isEmpty, unknown.isEmpty else { throw SettingsError(problems: problems + unknown) }
    return origins
  }

  /// The text that `source` holds for `key`; a list is joined by `:`; an empty variable counts as not set.
  private mutating func text(_ key: String, in source: SettingsSources.Source) -> String? {
    let absolute = AbsoluteConfigKey(source.prefix + [key])
    if let value = try? source.values.value(forKey: absolute, type: .string).value,
      case .string(let text) = value.content
    {
      return text.isEmpty ? nil : text
    }
    if let value = try? source.values.value(forKey: absolute, type: .stringArray).value,
      case .stringArray(let list) = value.content
    {
      return list.joined(separator: ":")
    }
    return nil
  }

  private static func quoted(_ text: String) -> String {
    "\"" + String(text.prefix(80).map { $0.isNewline ? " " : $0 }) + "\""
  }
}
