/// Base64 by RFC 4648 section 4, strictly: the standard alphabet, padded, no white space, no stray bits.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The six bits of each character, 0xFF for what is none.
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// The bytes that a text stands for, nil where it is no base64.
  package static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { decode($0) }
  }

  /// How many bytes a text of this many characters stands for at most.
  package static func decodedCount(of text: String) -> Int { text.utf8.count / 4 * 3 }

  private static func decode(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard input.count % 4 == 0 else { return nil }
    guard !input.isEmpty else { return [] }
    let padding = input[input.count - 1] != UInt8(ascii: "=") ? 0 : input[input.count - 2] != UInt8(ascii: "=") ? 1 : 2
    let whole = padding == 0 ? input.count : input.count - 4
    var valid = true
    var output = [UInt8](unsafeUninitializedCapacity: input.count / 4 * 3) { output, count in
      values.withUnsafeBufferPointer { values in
        var place = 0
        var seen: UInt8 = 0
        for index in stride(from: 0, to: whole, by: 4) {
          let a = values[Int(input[index])]
          let b = values[Int(input[index + 1])]
          let c = values[Int(input[index + 2])]
          let d = values[Int(input[index + 3])]
          seen |= a | b | c | d
          output[place] = a << 2 | b >> 4
          output[place + 1] = b << 4 | c >> 2
          output[place + 2] = c << 6 | d
          place += 3
        }
        valid = seen < 64
        count = place
      }
    }
    guard valid else { return nil }
    if padding > 0 {
      let a = values[Int(input[whole])]
      let b = values[Int(input[whole + 1])]
      let c = padding == 1 ? values[Int(input[whole + 2])] : 0
      guard a | b | c < 64, (padding == 1 ? c & 3 : b & 15) == 0 else { return nil }
      output.append(a << 2 | b >> 4)
      if padding == 1 { output.append(b << 4 | c >> 2) }
    }
    return output
  }

  /// The text of some bytes.
  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    let result = bytes.withContiguousStorageIfAvailable { encode(UnsafeRawBufferPointer($0)) }
    return result ?? Array(bytes).withUnsafeBytes { encode($0) }
  }

  /// The text of raw bytes.
  package static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { output in
      alphabet.withUnsafeBufferPointer { alphabet in
        var place = 0
        var index = 0
        while index < bytes.count {
          let left = bytes.count - index
          let a = bytes[index]
          let b = left > 1 ? bytes[index + 1] : 0
          let c = left > 2 ? bytes[index + 2] : 0
          output[place] = alphabet[Int(a >> 2)]
          output[place + 1] = alphabet[Int((a & 3) << 4 | b >> 4)]
          output[place + 2] = left > 1 ? alphabet[Int((b & 15) << 2 | c >> 6)] : UInt8(ascii: "=")
          output[place + 3] = left > 2 ? alphabet[Int(c & 63)] : UInt8(ascii: "=")
          place += 4
          index += 3
        }
        return place
      }
    }
  }

  /// The text of little-endian float32 numbers.
  package static func encode(_ floats: [Float]) -> String {
    floats.map(\.bitPattern.littleEndian).withUnsafeBytes { encode($0) }
  }

  /// The float32 numbers (little-endian) of a text, nil where it is no base64 or no multiple of four bytes.
  package static func decodeFloats(_ text: String) -> [Float]? {
    guard let bytes = decode(text), bytes.count % 4 == 0 else { return nil }
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map {
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
      }
    }
  }
}
