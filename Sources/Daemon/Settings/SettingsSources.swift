// The three sources of settings: flags, environment, file. Asked in this order.
import Configuration
import FoundationEssentials
import Yams

#if canImport(Glibc)
  import Glibc
#endif

/// The providers that settings are read from, the first one first.
package struct SettingsSources: Sendable {
  /// The file that is read when neither `--config` nor `ESVIT_CONFIG` names one; it may be missing.
  package static let defaultFile = "/etc/esvitd/config.yaml"

  /// A provider, and how a key of it is called to a person.
  struct Source: Sendable {
    let values: any ConfigSnapshot
    let name: @Sendable (String) -> String
    let prefix: [String]
  }

  let sources: [Source]
  /// The file that was read, if any.
  package let file: String?
  /// Keys of the file that no setting has.
  let unknownKeys: [String]
  /// Variables named like settings that are none: mistyped, most likely.
  package let unknownVariables: [String]
  let places: DefaultPlaces

  /// - Parameters:
  ///   - flags: what the command line set, by key.
  ///   - environment: the process's environment.
  ///   - file: `--config`; nil: `$ESVIT_CONFIG`, else the default file if it is there.
  ///   - defaultFile: the default file.
  /// - Throws: a file that cannot be read or is not YAML.
  package init(
    flags: [String: String], environment: [String: String], file: String? = nil, defaultFile: String = defaultFile
  ) throws(SettingsError) {
    places = DefaultPlaces(environment: environment)
    let known = Set(Settings.knownKeys.map(Self.variable) + ["ESVIT_CONFIG"])
    unknownVariables = environment.keys.filter { $0.hasPrefix("ESVIT_") && !known.contains($0) }.sorted()
    var sources = [
      Source(
        values: InMemoryProvider(
          name: "flags",
          values: Dictionary(
            uniqueKeysWithValues: flags.map {
              (AbsoluteConfigKey([$0.key]), ConfigValue(.string($0.value), isSecret: false))
            })
        ).snapshot(),
        name: { "flag --\($0)" }, prefix: []),
      Source(
        values: EnvironmentVariablesProvider(environmentVariables: environment).snapshot(),
        name: { "environment \(Self.variable($0))" }, prefix: ["esvit"]),
    ]
    let named = file ?? environment["ESVIT_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    let path = named ?? defaultFile
    if named != nil || FileManager.default.fileExists(atPath: path) {
      let (values, fileKeys) = try Self.read(path)
      sources.append(Source(values: values, name: { "file \(path), key \($0)" }, prefix: []))
      unknownKeys = fileKeys.filter { !Settings.knownKeys.contains($0) }
      self.file = path
    } else {
      unknownKeys = []
      self.file = nil
    }
    self.sources = sources
  }

  /// No source at all: every setting has its default.
  static let none = SettingsSources()

  private init() {
    (sources, file, unknownKeys, unknownVariables) = ([], nil, [], [])
    places = DefaultPlaces(environment: [:])
  }

  /// `batch-wait` → `ESVIT_BATCH_WAIT`.
  package static func variable(_ key: String) -> String {
    "ESVIT_" + key.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }

  /// Settings files are small: anything larger is not one.
  private static let fileLimit = 1 << 20

  private static func read(_ path: String) throws(SettingsError) -> (any ConfigSnapshot, [String]) {
    do {
      let data = try contents(of: path)
      let text = String(decoding: data, as: UTF8.self)
      // An empty file, or one with comments only, sets nothing.
      guard let root = try Yams.compose(yaml: text) else {
        return (InMemoryProvider(name: path, values: [:]).snapshot(), [])
      }
      guard let mapping = root.mapping else {
        throw SettingsError(problems: ["\(path) is not a YAML mapping of keys to values, like \"batch-wait: 2ms\""])
      }
      let snapshot = try YAMLSnapshot(data: data.bytes, providerName: path, parsingOptions: .default)
      return (snapshot, keys(of: mapping))
    } catch let error as SettingsError {
      throw error
    } catch {
      throw SettingsError(problems: ["\(path) cannot be read as settings: \(SettingsError.oneLine(error))"])
    }
  }

  /// The whole file. - Throws: the system's reason, or that it is too long.
  private static func contents(of path: String) throws(SettingsError) -> Data {
    func unreadable() -> SettingsError {
      let reason = String(cString: strerror(errno))
      let remedy = "check --config, ESVIT_CONFIG and who may read it"
      return SettingsError(problems: ["the settings file \(path) cannot be read: \(reason); \(remedy)"])
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable() }
    defer { close(descriptor) }
    var data = Data()
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unreadable() }
      guard count > 0 else { return data }
      data.append(contentsOf: chunk[..<count])
      guard data.count <= fileLimit else {
        throw SettingsError(problems: ["\(path) has more than 1 MiB, the limit of a settings file"])
      }
    }
  }

  /// The keys of a file; one that holds further keys, which no setting does, is called after them.
  private static func keys(of mapping: Yams.Node.Mapping) -> [String] {
    mapping.map { key, value in
      let name = key.string ?? "(a key that is no text)"
      return value.mapping == nil ? name : name + "." + (value.mapping?.keys.first?.string ?? "")
    }
  }
}
