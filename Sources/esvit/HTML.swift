/// Markup that is safe by its type: what is interpolated is escaped unless it is markup itself.
struct HTML: ExpressibleByStringInterpolation, Sendable {
  let markup: String

  init(stringLiteral value: String) { markup = value }

  init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var markup = ""

    init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { markup += literal }
    mutating func appendInterpolation(_ text: String) { markup += HTML.escape(text) }
    mutating func appendInterpolation(_ number: Int) { markup += String(number) }
    mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
    mutating func appendInterpolation(_ html: HTML?) { markup += html?.markup ?? "" }
    mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { markup += part.markup } }
  }

  /// Escaped text that may be broken behind the separators of paths and ids.
  static func breakable(_ text: String) -> HTML {
    var result: HTML = ""
    for part in text.split(after: { "/_-.".contains($0) }) { result = "\(result)\(part)<wbr>" }
    return result
  }

  /// Text for an element's content or a quoted attribute; what could reorder or hide text is made visible first.
  static func escape(_ text: String) -> String {
    var result = ""
    for character in Text.clean(text).unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

extension String {
  /// The text in parts that end behind each character that a separator is.
  fileprivate func split(after isSeparator: (Character) -> Bool) -> [String] {
    var parts: [String] = [""]
    for character in self {
      parts[parts.count - 1].append(character)
      if isSeparator(character) { parts.append("") }
    }
    return parts.filter { !$0.isEmpty }
  }
}
