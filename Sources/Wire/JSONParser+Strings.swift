/// Strings: scanned eight bytes at a time, copied once, checked to be UTF-8.
extension JSONParser {
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

  mutating func string() throws(JSONError) -> String {
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
}
