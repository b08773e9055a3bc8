import Foundation
import Testing

@testable import Wire

@Suite("JSON")
struct JSONTests {
  @Test(
    "reads what RFC 8259 allows",
    arguments: [
      ("null", JSONValue.null), (" true ", true), ("-0", 0), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .double(9.223372036854775808e18)),
      ("1.5", 1.5), ("-2.5e-3", -0.0025), ("1E2", .double(100)), ("5e-324", .double(.leastNonzeroMagnitude)),
      ("1.7976931348623157e308", .double(1.7976931348623157e308)), ("\"\"", ""),
      ("\"a\\u00e9\\n\\\"\\\\\\/\"", "aé\n\"\\/"),
      ("\"\\ud83d\\ude00\"", "😀"), ("\"日本語 😀 und viel mehr Text\"", "日本語 😀 und viel mehr Text"), ("[]", .array([])),
      ("{}", .object(JSONObject())),
      ("[1, [2,\t{\"a\" :\r\n3}]]", .array([1, .array([2, .object(["a": 3])])])),
    ])
  func reads(_ text: String, _ expected: JSONValue) throws {
    #expect(try JSONParser.parse(text) == expected)
  }

  @Test(
    "refuses what RFC 8259 does not allow",
    arguments: [
      "", " ", "nul", "truefalse", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "1e999",
      "[1,]", "[1 2]", "[", "]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "\"abc", "\"\\x\"",
      "\"\\u12\"",
      "\"\\u12g4\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"", "\"tab\there and then some\"",
      "\"line\nfeed\"", "1 2", "{} {}", "[1]x", "\u{FEFF}{}", "\\", "\"\\",
    ])
  func refuses(_ text: String) {
    #expect(throws: JSONError.self) { try JSONParser.parse(text) }
  }

  @Test("a name that comes twice in an object is refused at any depth, also in large objects")
  func duplicates() {
    func reason(_ text: String) -> JSONError.Reason? {
      do { _ = try JSONParser.parse(text) } catch { return error.reason }
      return nil
    }
    #expect(reason(#"{"a":1,"b":2,"a":1}"#) == .duplicate(name: "a"))
    #expect(reason(#"{"p":[{"a":1,"\u0061":2}]}"#) == .duplicate(name: "a"))
    let members = (0..<1000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    #expect(reason("{\(members)}") == nil)
    #expect(reason("{\(members),\"k500\":0}") == .duplicate(name: "k500"))
  }

  @Test("text that is not valid UTF-8 is refused, plain or beside an escape")
  func invalidUTF8() {
    for bytes: [UInt8] in [
      [0xFF], [0xC3], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xC0, 0xAF],
    ] {
      for escape in ["", "\\n"] {
        let text = Array("\"0123456789\(escape)".utf8) + bytes + Array("\"".utf8)
        #expect(throws: JSONError(reason: .invalidUTF8, offset: 1)) { try JSONParser.parse(text) }
      }
    }
    #expect(throws: JSONError.self) { try JSONParser.parse([0xFF, 0xFE, 0x00] as [UInt8]) }
  }

  @Test("nesting is bounded, however deep the text goes")
  func nesting() throws {
    let limit = JSONParser.maximumDepth
    let allowed = String(repeating: "[", count: limit) + String(repeating: "]", count: limit)
    #expect(throws: Never.self) { try JSONParser.parse(allowed) }
    for open in ["[", "{\"a\":"] {
      let text = String(repeating: open, count: 100_000)
      do {
        _ = try JSONParser.parse(text)
        Issue.record("a text of 100,000 levels was read")
      } catch { #expect(error.reason == .tooDeep(limit: limit)) }
    }
  }

  @Test("the number of values is bounded, so that a line's memory is")
  func values() {
    var text = [UInt8](repeating: UInt8(ascii: ","), count: 2 * JSONParser.maximumValues + 1)
    for index in stride(from: 1, to: text.count, by: 2) { text[index] = UInt8(ascii: "0") }
    text[0] = UInt8(ascii: "[")
    do {
      _ = try JSONParser.parse(text)
      Issue.record("too many values were read")
    } catch { #expect(error.reason == .tooManyValues(limit: JSONParser.maximumValues)) }
  }

  @Test("what is written reads back the same, bit for bit")
  func roundTrip() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let float = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
      guard float.isFinite else { continue }
      let read = try JSONParser.parse(JSONWriter.bytes(of: float)).number
      #expect(read.map(Float.init)?.bitPattern == float.bitPattern || float == 0)
      let double = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator))
      guard double.isFinite else { continue }
      #expect(try JSONParser.parse(JSONWriter.bytes(of: double)).number == double)
    }
    let value: JSONValue = [
      "z": [1, 2.5, "quote \" slash \\ control \u{1}\u{1F} tab \t", nil, true], "a": ["nested": [:]],
      "é": "日本 😀\u{2028}",
    ]
    let text = JSONWriter.string(of: value)
    #expect(try JSONParser.parse(text) == value)
    #expect(text.hasPrefix(#"{"z":[1,2.5,"quote \" slash \\ control \u0001\u001f tab \t",null,true],"a":"#))
    #expect(JSONWriter.string(of: [Double.nan, .infinity]) == "[null,null]")
  }

  @Test("numbers equal the C library's, digit for digit")
  func numbers() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let digits = Int.random(in: 1...25, using: &generator)
      var text = String(Int.random(in: 1...9, using: &generator))
      for _ in 1..<max(2, digits) { text += String(Int.random(in: 0...9, using: &generator)) }
      text += "." + String(Int.random(in: 0...99_999, using: &generator))
      text += "e" + String(Int.random(in: -40...40, using: &generator))
      #expect(try JSONParser.parse(text).number == strtod(text, nil), "\(text)")
    }
  }
}

@Suite("Base64")
struct Base64Tests {
  @Test("equals Foundation's for every length")
  func equal() {
    for count in 0..<100 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ count) }
      let text = Data(bytes).base64EncodedString()
      #expect(Base64.encode(bytes) == text)
      #expect(Base64.decode(text) == bytes)
    }
  }

  @Test(
    "refuses everything that is not canonical",
    arguments: [
      "A", "AB", "ABC", "AB=C", "A===", "====", "AB==CD==", "QUJD\n", "QU JD", "QUJ-", "QUI\u{e9}", "QR==", "QUJ=",
    ])
  func refuses(_ text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test("floats are little-endian")
  func floats() {
    #expect(Base64.encode([Float(1), -2]) == Data([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]).base64EncodedString())
    #expect(Base64.decodeFloats("AACAPwAAAMA=") == [1, -2])
    #expect(Base64.decodeFloats("AACA") == nil)
  }

  @Test("names are the same where their bytes are: two spellings of é are two members, in small and large objects")
  func spellings() throws {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    for more in ["", (0..<20).map { ",\"m\($0)\":0" }.joined()] {
      let value = try JSONParser.parse("{\"\(composed)\":1,\"\(decomposed)\":2\(more)}")
      #expect(value[composed] == 1)
      #expect(value[decomposed] == 2)
      #expect(throws: JSONError.self) { try JSONParser.parse("{\"\(composed)\":1,\"\(composed)\":2\(more)}") }
    }
  }

  @Test("writing stops at a limit, however much there is to write")
  func writerLimit() {
    let rows = [[String]](repeating: [String](repeating: "text", count: 1000), count: 1000)
    var writer = JSONWriter(limit: 100)
    rows.write(to: &writer)
    #expect(writer.isOverLimit)
    // One string and the brackets that were open.
    #expect(writer.bytes.count < 120)
    #expect(JSONWriter.line(of: rows, limit: 100) == nil)
    #expect(JSONWriter.line(of: "abc", limit: 5) == Array("\"abc\"\n".utf8))
    #expect(JSONWriter.line(of: "abc", limit: 4) == nil)
  }
}
