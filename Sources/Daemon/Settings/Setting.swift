// One setting: its key, what it may hold, how it is read from text and shown again.

/// A setting of the daemon, described once for flags, environment, file and `esvitd config`.
package struct Setting<Value: Sendable>: Sendable {
  /// The key as the file and the flags spell it, e.g. `batch-wait`; the environment spells it `ESVIT_BATCH_WAIT`.
  package let key: String
  /// What the setting may hold, in words that complete "must be …".
  package let allowed: String
  /// The value where nobody sets one.
  package let fallback: @Sendable (DefaultPlaces) -> Value
  /// Text to value; nil when the text is not allowed.
  package let parse: @Sendable (String) -> Value?
  /// Value to the text that `parse` reads back.
  package let show: @Sendable (Value) -> String
}

extension Setting where Value == String {
  /// Text of one line without control characters.
  static func text(
    _ key: String, _ allowed: String, fallback: @escaping @Sendable (DefaultPlaces) -> String
  ) -> Self {
    Setting(
      key: key, allowed: allowed, fallback: fallback,
      parse: { $0.isEmpty || $0.unicodeScalars.contains { $0.value < 32 } ? nil : $0 }, show: { $0 })
  }

  /// A path; a leading `~/` is the home directory.
  static func path(_ key: String, fallback: @escaping @Sendable (DefaultPlaces) -> String) -> Self {
    Setting(
      key: key, allowed: "a path", fallback: fallback,
      parse: { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }, show: { $0 })
  }
}

extension Setting where Value == String? {
  /// Text which may be left out.
  static func optionalText(_ key: String, _ allowed: String) -> Self {
    Setting(
      key: key, allowed: allowed, fallback: { _ in nil },
      parse: { $0.isEmpty || $0.unicodeScalars.contains { $0.value < 32 } ? nil : .some($0) },
      show: { $0 ?? "" })
  }
}

extension Setting where Value == Int {
  /// A whole number in `range`.
  static func count(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Self {
    Setting(
      key: key, allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)", fallback: { _ in fallback },
      parse: { Int($0).flatMap { range.contains($0) ? $0 : nil } }, show: { String($0) })
  }

  /// An amount of memory in bytes.
  static func bytes(_ key: String, in range: ClosedRange<Int>, default fallback: Int) -> Self {
    let limits = "\(ByteCount.show(range.lowerBound)) to \(ByteCount.show(range.upperBound))"
    return Setting(
      key: key, allowed: "an amount of memory from \(limits), like 64MiB", fallback: { _ in fallback },
      parse: { ByteCount.parse($0).flatMap { range.contains($0) ? $0 : nil } }, show: ByteCount.show)
  }
}

extension Setting where Value == Int? {
  /// A whole number in `range`, or `auto` (nil): the daemon chooses.
  static func automaticCount(_ key: String, in range: ClosedRange<Int>) -> Self {
    Setting(
      key: key, allowed: "auto or a whole number from \(range.lowerBound) to \(range.upperBound)",
      fallback: { _ in nil },
      parse: { text in
        text == "auto" ? .some(nil) : Int(text).flatMap { range.contains($0) ? .some(.some($0)) : nil }
      },
      show: { $0.map(String.init) ?? "auto" })
  }
}

extension Setting where Value == Duration {
  /// A length of time.
  static func duration(_ key: String, in range: ClosedRange<Duration>, default fallback: Duration) -> Self {
    let limits = "\(TimeLength.show(range.lowerBound)) to \(TimeLength.show(range.upperBound))"
    return Setting(
      key: key, allowed: "a length of time from \(limits), with its unit: us, ms, s, min or h",
      fallback: { _ in fallback },
      parse: { TimeLength.parse($0).flatMap { range.contains($0) ? $0 : nil } }, show: TimeLength.show)
  }
}

extension Setting where Value == Bool {
  /// `true` or `false`.
  static func flag(_ key: String, default fallback: Bool) -> Self {
    Setting(
      key: key, allowed: "true or false", fallback: { _ in fallback },
      parse: { text in
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
      }, show: { $0 ? "true" : "false" })
  }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the names of an enumeration.
  static func choice(_ key: String, default fallback: Value) -> Self {
    Setting(
      key: key, allowed: "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
      fallback: { _ in fallback }, parse: { Value(rawValue: $0) }, show: { $0.rawValue })
  }
}

extension Setting where Value == [String] {
  /// Absolute directories; in the environment separated by `:`.
  static func directories(_ key: String) -> Self {
    Setting(
      key: key, allowed: "absolute directories (in flags and the environment separated by ':')", fallback: { _ in [] },
      parse: { text in
        let parts = text.split(separator: ":").map(String.init)
        return parts.allSatisfy { $0.hasPrefix("/") && !$0.utf8.contains(0) } ? parts : nil
      }, show: { $0.joined(separator: ":") })
  }
}
