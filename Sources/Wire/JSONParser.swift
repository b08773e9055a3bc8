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

  /// Valid only while `parse` runs.
  let bytes: UnsafeBufferPointer<UInt8>
  var cursor = 0
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

  func syntax(_ text: String) -> JSONError { JSONError(reason: .syntax(text), offset: cursor) }

  /// The byte at the cursor; 0, which no token begins with, at the end.
  var current: UInt8 { cursor < bytes.count ? bytes[cursor] : 0 }

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
}
