/// A value of the JSON in a safetensors header.
///
/// Foundation's decoder keeps one of two equal keys without a word, and a header that names a tensor twice has no
/// meaning; so the header has its own strict parser.
enum HeaderJSON: Equatable {
  case object([(key: String, value: HeaderJSON)])
  case array([HeaderJSON])
  case string(String)
  case integer(Int)
  /// A number that is no `Int`, `true`, `false` or `null`: legal JSON that no header needs.
  case other(String)

  /// What is wrong, and at which byte.
  struct Problem: Error, Equatable {
    let offset: Int
    let reason: String
  }

  static func == (a: HeaderJSON, b: HeaderJSON) -> Bool {
    switch (a, b) {
    case (.object(let a), .object(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.0 == $1.0 && $0.1 == $1.1 }
    case (.array(let a), .array(let b)): a == b
    case (.string(let a), .string(let b)), (.other(let a), .other(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    default: false
    }
  }

  init(parsing bytes: [UInt8]) throws(Problem) {
    var parser = Parser(bytes: bytes)
    self = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.offset < bytes.count { throw parser.problem("something follows the JSON") }
  }

  /// A string as JSON writes it.
  static func quoted(_ string: String) -> String {
    var result = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\0"..<" ":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Recursive descent with a fixed depth; headers nest three deep.
private struct Parser {
  let bytes: [UInt8]
  var offset = 0
  static let maximumDepth = 8

  func problem(_ reason: String) -> HeaderJSON.Problem { HeaderJSON.Problem(offset: offset, reason: reason) }

  var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  mutating func expect(_ character: Unicode.Scalar) throws(HeaderJSON.Problem) {
    skipSpace()
    guard next == UInt8(ascii: character) else { throw problem("expected '\(character)'") }
    offset += 1
  }

  /// Whether another element follows (`,`) or the container ends.
  mutating func more(until end: Unicode.Scalar) throws(HeaderJSON.Problem) -> Bool {
    skipSpace()
    if next == UInt8(ascii: ",") {
      offset += 1
      return true
    }
    try expect(end)
    return false
  }

  mutating func value(depth: Int) throws(HeaderJSON.Problem) -> HeaderJSON {
    guard depth < Self.maximumDepth else { throw problem("nested deeper than \(Self.maximumDepth)") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    default: return try literal()
    }
  }

  mutating func object(depth: Int) throws(HeaderJSON.Problem) -> [(key: String, value: HeaderJSON)] {
    var pairs: [(key: String, value: HeaderJSON)] = []
    var keys: Set<String> = []
    try expect("{")
    skipSpace()
    if next == UInt8(ascii: "}") {
      offset += 1
      return pairs
    }
    repeat {
      skipSpace()
      let key = try string()
      guard keys.insert(key).inserted else { throw problem("the name '\(key)' is there twice") }
      try expect(":")
      pairs.append((key, try value(depth: depth + 1)))
    } while try more(until: "}")
    return pairs
  }

  mutating func array(depth: Int) throws(HeaderJSON.Problem) -> [HeaderJSON] {
    var values: [HeaderJSON] = []
    try expect("[")
    skipSpace()
    if next == UInt8(ascii: "]") {
      offset += 1
      return values
    }
    repeat { values.append(try value(depth: depth + 1)) } while try more(until: "]")
    return values
  }

  mutating func string() throws(HeaderJSON.Problem) -> String {
    try expect("\"")
    var text: [UInt8] = []
    while let byte = next {
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw problem("a string is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20: throw problem("a control character in a string")
      default: text.append(byte)
      }
    }
    throw problem("a string does not end")
  }

  mutating func escape() throws(HeaderJSON.Problem) -> [UInt8] {
    guard let byte = next else { throw problem("a string does not end") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var unit = try hexadecimal()
      if unit & 0xFC00 == 0xD800 {  // the first half of a pair
        guard next == UInt8(ascii: "\\"), offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "u") else {
          throw problem("half a surrogate pair")
        }
        offset += 2
        let low = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw problem("half a surrogate pair") }
        unit = 0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF)
      }
      guard let scalar = Unicode.Scalar(unit) else { throw problem("half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default: throw problem("an unknown escape")
    }
  }

  mutating func hexadecimal() throws(HeaderJSON.Problem) -> UInt32 {
    guard offset + 4 <= bytes.count,
      bytes[offset..<offset + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
    else { throw problem("\\u without four hexadecimal digits") }
    offset += 4
    return value
  }

  mutating func literal() throws(HeaderJSON.Problem) -> HeaderJSON {
    let start = offset
    while let byte = next, Character(Unicode.Scalar(byte)).isLetter || "+-.0123456789".utf8.contains(byte) {
      offset += 1
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if let integer = Int(text), !text.hasPrefix("+") { return .integer(integer) }
    guard ["true", "false", "null"].contains(text) || (Double(text) != nil && text.utf8.first != 0x2B) else {
      throw problem("'\(text)' is no JSON value")
    }
    return .other(text)
  }
}
