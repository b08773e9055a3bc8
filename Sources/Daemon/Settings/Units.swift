// Amounts of memory and lengths of time as people write them.

/// Bytes with binary units: `512`, `45MiB`, `1.5GiB` is refused (whole numbers only).
package enum ByteCount {
  private static let units: [(name: String, factor: Int)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

  /// Reads an amount; nil for anything else, a negative one, or one past 64 bits.
  package static func parse(_ text: String) -> Int? {
    for unit in units where text.hasSuffix(unit.name) {
      guard let number = UnitText.number(text.dropLast(unit.name.count)) else { return nil }
      let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.factor)
      return overflow ? nil : bytes
    }
    return UnitText.number(text[...])
  }

  /// The amount in the largest unit that divides it.
  package static func show(_ bytes: Int) -> String {
    for unit in units where bytes >= unit.factor && bytes % unit.factor == 0 {
      return "\(bytes / unit.factor)\(unit.name)"
    }
    return String(bytes)
  }
}

/// Lengths of time with a unit: `500us`, `2ms`, `30s`, `10min`, `1h`.
package enum TimeLength {
  private static let units: [(name: String, microseconds: Int)] = [
    ("us", 1), ("ms", 1000), ("min", 60_000_000), ("s", 1_000_000), ("h", 3_600_000_000),
  ]

  /// Reads a length; nil without a unit (a bare number does not say what it counts). `0` needs none.
  package static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    for unit in units where text.hasSuffix(unit.name) {
      guard let number = UnitText.number(text.dropLast(unit.name.count)) else { return nil }
      let (length, overflow) = number.multipliedReportingOverflow(by: unit.microseconds)
      return overflow ? nil : .microseconds(length)
    }
    return nil
  }

  /// The length in the largest unit that divides it.
  package static func show(_ duration: Duration) -> String {
    let microseconds = duration.microseconds
    if microseconds == 0 { return "0s" }
    let unit = units.sorted { $0.microseconds > $1.microseconds }.first { microseconds % $0.microseconds == 0 }
    return "\(microseconds / (unit?.microseconds ?? 1))\(unit?.name ?? "us")"
  }
}

private enum UnitText {
  /// Decimal digits with an optional space behind them.
  static func number(_ text: Substring) -> Int? {
    let digits = text.hasSuffix(" ") ? text.dropLast() : text
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int(digits)
  }
}

extension Duration {
  /// Whole microseconds, saturating.
  package var microseconds: Int {
    let (seconds, attoseconds) = components
    let (whole, overflow) = Int(seconds).multipliedReportingOverflow(by: 1_000_000)
    return overflow ? .max : whole + Int(attoseconds / 1_000_000_000_000)
  }

  /// Seconds with their fraction.
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
