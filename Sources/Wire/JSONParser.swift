#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Why a text is no JSON, and at which byte.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Reason: Sendable, Equatable {
    case syntax(String)
    case invalidUTF8
    case duplicate(name: String)
    case tooDeep(limit: Int)
    case tooManyValues(limit: Int)
  }
  package let reason: Reason
  /// Offset in bytes from the beginning of the text.
  package let offset: Int

  package var description: String {
    switch reason {
    case .syntax(let text): "\(text) at byte \(offset)"
    case .invalidUTF8: "a string that is not valid UTF-8 at byte \(offset)"
    case .duplicate(let name): "the member \"\(name.prefix(64))\" a second time in one object at byte \(offset)"
    case .tooDeep(let limit): "more than \(limit) levels of nesting at byte \(offset)"
    case .tooManyValues(let limit): "more than \(limit) values at byte \(offset)"
    }
  }
}

/// A strict reader of RFC 8259 for untrusted lines.
///
/// Written by hand because the standard decoder lets the last of two equal names win in silence, and because a line
/// may hold tens of megabytes of base64: strings are scanned eight bytes at a time and copied once. Nesting and the
/// number of values are bounded, so that a line's memory is a fixed multiple of its length at worst.
package struct JSONParser {
  /// Deepest nesting of arrays and objects that is read.
  package static let maximumDepth = 32
  /// Most values (numbers, strings, arrays, …) in one text: 256 embeddings of 8,192 numbers and the rest.
  package static let maximumValues = 1 << 22

  private let bytes: UnsafeBufferPointer<UInt8>
  private var cursor = 0
  private var values = 0

  /// Reads one JSON text; only white space may follow it.
  package static func parse(_ text: [UInt8]) throws(JSONError) -> JSONValue {
    let result = text.withUnsafeBufferPointer { buffer -> Result<JSONValue, JSONError> in
      var parser = JSONParser(bytes: buffer)
      return Result { () throws(JSONError) in try parser.document() }
    }
    return try result.get()
  }

  /// Reads the UTF-8 of a string.
  package static func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Array(text.utf8)) }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  private mutating func document() throws(JSONError) -> JSONValue {
    let value = try self.value(depth: 0)
    skipSpace()
    guard cursor == bytes.count else { throw syntax("something after the end of the JSON value") }
    return value
  }

  private func syntax(_ text: String) -> JSONError { JSONError(reason: .syntax(text), offset: cursor) }

  /// The byte at the cursor; 0, which no token begins with, at the end.
  private var current: UInt8 { cursor < bytes.count ? bytes[cursor] : 0 }

  private mutating func skipSpace() {
    while cursor < bytes.count {
      switch bytes[cursor] {
      case 0x20, 0x09, 0x0A, 0x0D: cursor += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    skipSpace()
    values += 1
    guard values <= Self.maximumValues else {
      throw JSONError(reason: .tooManyValues(limit: Self.maximumValues), offset: cursor)
    }
    switch current {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: throw syntax(cursor < bytes.count ? "no JSON value" : "the end of the text instead of a value")
    }
  }

  private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    guard bytes.count - cursor >= word.utf8CodeUnitCount, let start = bytes.baseAddress,
      memcmp(start + cursor, word.utf8Start, word.utf8CodeUnitCount) == 0
    else { throw syntax("no JSON value") }
    cursor += word.utf8CodeUnitCount
    return value
  }

  private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
    try enter(depth)
    var elements: [JSONValue] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      cursor += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth))
      if try ends(with: UInt8(ascii: "]")) { return elements }
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
    try enter(depth)
    var object = JSONObject()
    skipSpace()
    if current == UInt8(ascii: "}") {
      cursor += 1
      return object
    }
    while true {
      skipSpace()
      let start = cursor
      guard current == UInt8(ascii: "\"") else { throw syntax("no member's name in quotes") }
      let name = try string()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw syntax("no colon after a member's name") }
      cursor += 1
      let value = try self.value(depth: depth)
      guard object.insert(name, value) else { throw JSONError(reason: .duplicate(name: name), offset: start) }
      if try ends(with: UInt8(ascii: "}")) { return object }
    }
  }

  private mutating func enter(_ depth: Int) throws(JSONError) {
    guard depth <= Self.maximumDepth else {
      throw JSONError(reason: .tooDeep(limit: Self.maximumDepth), offset: cursor)
    }
    cursor += 1
  }

  /// Takes the comma or the closing bracket behind an element; true for the bracket.
  private mutating func ends(with close: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    let byte = current
    guard byte == close || byte == UInt8(ascii: ",") else {
      throw syntax(close == UInt8(ascii: "]") ? "no comma or ] in an array" : "no comma or } in an object")
    }
    cursor += 1
    return byte == close
  }

  // MARK: Strings

  /// Moves the cursor to the next quote, backslash or control character.
  private mutating func skipPlain() {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    let raw = UnsafeRawBufferPointer(bytes)
    while bytes.count - cursor >= 8 {
      let word = raw.loadUnaligned(fromByteOffset: cursor, as: UInt64.self)
      let quote = word ^ (ones &* 0x22)
      let slash = word ^ (ones &* 0x5C)
      // The highest bit of a byte is set where the byte is zero (quote, slash) or below 0x20 (control).
      let found =
        ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- (ones &* 0x20)) & ~word)
      if found & tops != 0 { break }
      cursor += 8
    }
    while cursor < bytes.count {
      let byte = bytes[cursor]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { return }
      cursor += 1
    }
  }

  private mutating func string() throws(JSONError) -> String {
    cursor += 1
    let start = cursor
    skipPlain()
    if current == UInt8(ascii: "\""), cursor < bytes.count {
      defer { cursor += 1 }
      return try decoded(UnsafeBufferPointer(rebasing: bytes[start..<cursor]), at: start)
    }
    var unescaped = Array(bytes[start..<cursor])
    while true {
      guard cursor < bytes.count else { throw syntax("a string without its closing quote") }
      switch bytes[cursor] {
      case UInt8(ascii: "\""):
        cursor += 1
        let text = unescaped.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
        guard let text else { throw JSONError(reason: .invalidUTF8, offset: start) }
        return text
      case UInt8(ascii: "\\"):
        cursor += 1
        try escape(into: &unescaped)
      case 0..<0x20:
        throw syntax("an unescaped control character in a string")
      default:
        let run = cursor
        skipPlain()
        unescaped.append(contentsOf: bytes[run..<cursor])
      }
    }
  }

  private func decoded(_ run: UnsafeBufferPointer<UInt8>, at offset: Int) throws(JSONError) -> String {
    guard let text = String(validating: run, as: UTF8.self) else {
      throw JSONError(reason: .invalidUTF8, offset: offset)
    }
    return text
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    let byte = current
    cursor += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        guard current == UInt8(ascii: "\\"), cursor + 1 < bytes.count, bytes[cursor + 1] == UInt8(ascii: "u") else {
          throw syntax("half a surrogate pair in a string")
        }
        cursor += 2
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw syntax("half a surrogate pair in a string") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw syntax("half a surrogate pair in a string") }
      text.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    default:
      cursor -= 1
      throw syntax("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard bytes.count - cursor >= 4 else { throw syntax("an escape that is cut short") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[cursor])).hexDigitValue else {
        throw syntax("an escape without four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      cursor += 1
    }
    return code
  }

  // MARK: Numbers

  private mutating func digits(_ each: (UInt8) -> Void) -> Int {
    let start = cursor
    while cursor < bytes.count, bytes[cursor] &- 0x30 < 10 {
      each(bytes[cursor] &- 0x30)
      cursor += 1
    }
    return cursor - start
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = cursor
    let negative = current == UInt8(ascii: "-")
    if negative { cursor += 1 }
    // The significant digits as an integer, as long as they fit; `exact` says whether they did.
    var mantissa: UInt64 = 0
    var exact = true
    func take(_ digit: UInt8) {
      let (product, high) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      exact = exact && !high && !carry
      mantissa = sum
    }
    let zero = current == UInt8(ascii: "0")
    let whole = digits(take)
    guard whole > 0, whole == 1 || !zero else { throw syntax("a malformed number") }
    var fraction = 0
    var exponent = 0
    var integral = true
    if current == UInt8(ascii: ".") {
      integral = false
      cursor += 1
      fraction = digits(take)
      guard fraction > 0 else { throw syntax("a malformed number") }
    }
    if current | 0x20 == UInt8(ascii: "e") {
      integral = false
      cursor += 1
      let minus = current == UInt8(ascii: "-")
      if minus || current == UInt8(ascii: "+") { cursor += 1 }
      guard digits({ exponent = min(exponent * 10 + Int($0), 100_000) }) > 0 else { throw syntax("a malformed number") }
      if minus { exponent = -exponent }
    }
    if integral, exact {
      if negative, mantissa <= UInt64(Int64.max) + 1 { return .integer(Int64(truncatingIfNeeded: 0 &- mantissa)) }
      if !negative, let value = Int64(exactly: mantissa) { return .integer(value) }
    }
    let scale = exponent - fraction
    if exact, mantissa < 1 << 53, abs(scale) <= 22 {
      // Both factors are exact doubles, so that one rounding gives the nearest double (Clinger 1990).
      let magnitude =
        scale < 0 ? Double(mantissa) / Self.powers[-scale] : Double(mantissa) * Self.powers[scale]
      return .double(negative ? -magnitude : magnitude)
    }
    let text = String(decoding: bytes[start..<cursor], as: UTF8.self)
    guard let value = Double(text), value.isFinite else { throw syntax("a number beyond the range of a double") }
    return .double(value)
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22,
  ]
}
