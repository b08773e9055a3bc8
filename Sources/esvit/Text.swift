import Glibc

/// Text for a terminal: how wide it is, what in it is dangerous, and how numbers are written.
enum Text {
  /// The text with everything escaped that could move the cursor, hide or reorder what is read: control characters,
  /// bidirectional overrides, invisible format characters.
  static func clean(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isDangerous) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      case _ where isDangerous(scalar): result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
    // The joiners are part of many scripts and of emoji.
    case .format: scalar.value != 0x200D && scalar.value != 0x200C
    default: false
    }
  }

  /// Columns that the text takes in a terminal.
  static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

  /// Columns of one character as it is read: 0, 1 or 2.
  static func width(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    // U+FE0F asks for the coloured, wide form of what stands before it.
    if scalars.contains(where: { $0.value == 0xFE0F }) { return 2 }
    return scalars.map(width).max() ?? 0
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    switch scalar.value {
    // East Asian Wide and Fullwidth (Unicode 16, EastAsianWidth.txt), in blocks.
    case 0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x23E9...0x23EC, 0x25FD...0x25FE, 0x2614...0x2615,
      0x2648...0x2653, 0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5, 0x2705, 0x270A...0x270B, 0x2728, 0x274C,
      0x2753...0x2755, 0x2757, 0x2795...0x2797, 0x2B1B...0x2B1C, 0x2B50, 0x2B55, 0x2E80...0x303E, 0x3041...0x33FF,
      0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x1B2FF, 0x1F004, 0x1F0CF,
      0x1F18E, 0x1F191...0x1F19A, 0x1F1E6...0x1F320, 0x1F32D...0x1F64F, 0x1F680...0x1F6FF, 0x1F7E0...0x1F7EB,
      0x1F90C...0x1F9FF, 0x1FA70...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }

  /// The text in at most `columns` columns; its middle gives way to "…", since ids and paths differ at their ends.
  static func shortened(_ text: String, to columns: Int) -> String {
    guard width(text) > columns else { return text }
    guard columns > 1 else { return columns == 1 ? "…" : "" }
    let head = taken(text, columns / 2)
    let tail = taken(text.reversed(), columns - 1 - columns / 2)
    return String(head) + "…" + String(tail.reversed())
  }

  private static func taken(_ characters: some Sequence<Character>, _ columns: Int) -> [Character] {
    var left = columns
    return Array(
      characters.prefix { character in
        left -= width(character)
        return left >= 0
      })
  }

  /// A number with a fixed count of decimals: 0.98134 → "0.9813"; zero has no sign.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return value.isNaN ? "–" : "\(value)" }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = withVaList([value]) { arguments in
      buffer.withUnsafeMutableBytes {
        vsnprintf($0.baseAddress, $0.count, "%.\(max(0, min(decimals, 20)))f", arguments)
      }
    }
    let text = String(decoding: buffer.prefix(max(0, Int(count))), as: UTF8.self)
    return text.allSatisfy { "-0.".contains($0) } ? text.replacing("-", with: "") : text
  }

  /// A whole number with its thousands apart: 6000 → "6,000".
  static func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return (value < 0 ? "-" : "") + String(digits)
  }

  /// A number of things: "1 image", "6,000 images".
  static func count(_ value: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
  }

  /// Bytes in binary units: 6291456 → "6.0 MiB".
  static func bytes(_ value: Int) -> String {
    var number = Double(value)
    var unit = 0
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1_024, unit < units.count - 1 {
      number /= 1_024
      unit += 1
    }
    return "\(fixed(number, unit == 0 ? 0 : 1)) \(units[unit])"
  }

  /// Seconds as a person says them: "0.42 s", "12 s", "3 min 05 s", "2 h 10 min", "3 d 4 h".
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0 else { return "–" }
    if seconds < 10 { return "\(fixed(seconds, seconds < 1 ? 2 : 1)) s" }
    let whole = Int(min(seconds.rounded(), 1e12))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3_600: return "\(whole / 60) min \(two(whole % 60)) s"
    case ..<86_400: return "\(whole / 3_600) h \(two(whole / 60 % 60)) min"
    default: return "\(whole / 86_400) d \(whole / 3_600 % 24) h"
    }
  }
}
