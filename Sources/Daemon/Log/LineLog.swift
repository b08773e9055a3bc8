// The log: one line an event on standard error, in the form that journald or a person reads.
import FoundationEssentials
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// A swift-log handler that writes one line an event.
///
/// Under systemd (`JOURNAL_STREAM` is set) a line starts with `<N>`, the journal's priority, and leaves the time to
/// the journal; elsewhere it starts with the time and the level. Control characters are escaped: no client can forge a line.
package struct LineLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let forJournal: Bool
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - label: the logger's label; written where it is not `esvitd`.
  ///   - level: the least level that is written.
  ///   - forJournal: journald's form of the line.
  ///   - write: takes one whole line with its end.
  package init(
    label: String, level: Logger.Level, forJournal: Bool,
    write: @escaping @Sendable (String) -> Void = Self.standardError
  ) {
    self.label = label
    logLevel = level
    self.forJournal = forJournal
    self.write = write
  }

  /// Makes this the process's log.
  package static func bootstrap(level: Logger.Level, environment: [String: String]) {
    let forJournal = environment["JOURNAL_STREAM"] != nil
    LoggingSystem.bootstrap { LineLog(label: $0, level: level, forJournal: forJournal) }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
    if let own = event.metadata { fields.merge(own) { $1 } }
    if let error = event.error { fields["error"] = "\(error)" }
    var line = forJournal ? "<\(event.level.journalPriority)>" : "\(Self.time()) \(event.level.rawValue) "
    if label != "esvitd" { line += "\(label): " }
    line += Self.escaped("\(event.message)")
    for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
      let text = Self.escaped("\(value)")
      line += text.contains(" ") || text.isEmpty ? " \(key)=\"\(text)\"" : " \(key)=\(text)"
    }
    write(line + "\n")
  }

  /// `text` with control characters (line ends, escape sequences, C1, separators) as `\u{…}`, at most 4,096 characters.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(4096) {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator, .format:
        result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func time() -> String {
    Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// Writes one line to standard error by one call where it fits a pipe's atomic size.
  package static let standardError: @Sendable (String) -> Void = { line in
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return }  // nobody reads the log: the daemon goes on
      bytes = bytes.dropFirst(written)
    }
  }
}

extension Logger.Level {
  /// syslog's priority of the level: 7 debug … 2 critical.
  var journalPriority: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
