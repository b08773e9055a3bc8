/// What can stand in a JSON text.
package protocol JSONWritable {
  func write(to writer: inout JSONWriter)
}

/// Writes JSON into bytes, without line breaks, so that one value is one line of the protocol.
///
/// Past its limit it writes no further member or element: what it holds is then no JSON, and longer than the limit by one
/// string at most.
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  /// Bytes that the JSON may have.
  private let limit: Int
  /// Whether the next element or member needs a comma before it.
  private var comma = false

  package init(limit: Int = .max) { self.limit = limit }

  /// Whether the JSON is longer than the limit.
  package var isOverLimit: Bool { bytes.count > limit }

  /// One value's JSON.
  package static func bytes(of value: some JSONWritable) -> [UInt8] {
    var writer = JSONWriter()
    value.write(to: &writer)
    return writer.bytes
  }

  /// One value's JSON and a line feed: a message of the protocol.
  package static func line(of value: some JSONWritable) -> [UInt8] { line(of: value, limit: .max) ?? [] }

  /// One value's JSON and a line feed; nil where the JSON is longer than `limit` bytes.
  package static func line(of value: some JSONWritable, limit: Int) -> [UInt8]? {
    var writer = JSONWriter(limit: limit)
    value.write(to: &writer)
    guard !writer.isOverLimit else { return nil }
    // In place: an answer may have tens of megabytes.
    writer.bytes.append(0x0A)
    return writer.bytes
  }

  /// One value's JSON as a string.
  package static func string(of value: some JSONWritable) -> String {
    String(decoding: bytes(of: value), as: UTF8.self)
  }

  /// An object whose members `body` writes by `field`.
  package mutating func object(_ body: (inout JSONWriter) -> Void) {
    begin(UInt8(ascii: "{"))
    body(&self)
    end(UInt8(ascii: "}"))
  }

  /// An array of values.
  package mutating func array<Element: JSONWritable>(_ elements: some Sequence<Element>) {
    begin(UInt8(ascii: "["))
    for element in elements {
      guard !isOverLimit else { break }
      separate()
      element.write(to: &self)
      comma = true
    }
    end(UInt8(ascii: "]"))
  }

  /// A member of the object being written.
  package mutating func field(_ name: String, _ value: some JSONWritable) {
    guard !isOverLimit else { return }
    separate()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    comma = false
    value.write(to: &self)
    comma = true
  }

  /// A member that is left out where it is nil.
  package mutating func field(_ name: String, _ value: (some JSONWritable)?) {
    if let value { field(name, value) }
  }

  /// A token that is JSON already: a number, `true`, `null`, or a whole value.
  package mutating func raw(_ token: some Sequence<UInt8>) {
    bytes.append(contentsOf: token)
    comma = true
  }

  /// A quoted string; quotes, backslashes and control characters are escaped, and U+2028/9 for JavaScript's sake not.
  package mutating func string(_ text: String) {
    quote(text)
    comma = true
  }

  private mutating func begin(_ bracket: UInt8) {
    bytes.append(bracket)
    comma = false
  }

  private mutating func end(_ bracket: UInt8) {
    bytes.append(bracket)
    comma = true
  }

  private mutating func separate() {
    if comma { bytes.append(UInt8(ascii: ",")) }
    comma = false
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      var start = 0
      for index in 0..<utf8.count {
        let byte = utf8[index]
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { continue }
        bytes.append(contentsOf: utf8[start..<index])
        escape(byte)
        start = index + 1
      }
      bytes.append(contentsOf: utf8[start...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ byte: UInt8) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x22, 0x5C: bytes.append(byte)
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    default:
      let digits = Array("0123456789abcdef".utf8)
      bytes.append(contentsOf: "u00".utf8)
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 15)])
    }
  }
}

extension String: JSONWritable {
  package func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Bool: JSONWritable {
  package func write(to writer: inout JSONWriter) { writer.raw((self ? "true" : "false").utf8) }
}

extension Int: JSONWritable {
  package func write(to writer: inout JSONWriter) { writer.raw(description.utf8) }
}

extension Int64: JSONWritable {
  package func write(to writer: inout JSONWriter) { writer.raw(description.utf8) }
}

extension Double: JSONWritable {
  /// The shortest text that reads back as the same number; JSON has no NaN or infinity: null.
  package func write(to writer: inout JSONWriter) { writer.raw((isFinite ? description : "null").utf8) }
}

extension Float: JSONWritable {
  /// The shortest text that reads back as the same 32 bits; JSON has no NaN or infinity: null.
  package func write(to writer: inout JSONWriter) { writer.raw((isFinite ? description : "null").utf8) }
}

extension Array: JSONWritable where Element: JSONWritable {
  package func write(to writer: inout JSONWriter) { writer.array(self) }
}

extension JSONObject: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      for member in members { writer.field(member.name, member.value) }
    }
  }
}

extension JSONValue: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.raw("null".utf8)
    case .bool(let value): value.write(to: &writer)
    case .integer(let value): value.write(to: &writer)
    case .double(let value): value.write(to: &writer)
    case .string(let value): writer.string(value)
    case .array(let value): writer.array(value)
    case .object(let value): value.write(to: &writer)
    }
  }
}
