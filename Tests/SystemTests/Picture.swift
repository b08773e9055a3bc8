import Foundation

/// A picture that a test makes: coloured blobs by a seed, as a PNG with stored (uncompressed) blocks.
enum Picture {
  /// The same seed and side give the same bytes.
  static func png(seed: Int, side: Int = 64) -> Data {
    var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func random() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33)
    }
    let colours = (0..<9).map { _ in (random() & 255, random() & 255, random() & 255) }
    var rows: [UInt8] = []
    for y in 0..<side {
      rows.append(0)  // no filter
      for x in 0..<side {
        let colour = colours[(y * 3 / side) * 3 + x * 3 / side]
        let noise = random() & 31
        rows += [UInt8(colour.0 ^ noise), UInt8(colour.1 ^ noise), UInt8(colour.2)]
      }
    }
    var header = bigEndian(UInt32(side)) + bigEndian(UInt32(side))
    header += [8, 2, 0, 0, 0]  // 8 bits, RGB
    return Data(
      [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", stored(rows))
        + chunk("IEND", []))
  }

  /// The picture as the protocol takes it.
  static func image(seed: Int, side: Int = 64) -> JSON {
    ["data": .string(png(seed: seed, side: side).base64EncodedString())]
  }

  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    var rest = bytes[...]
    while !rest.isEmpty {
      let block = rest.prefix(65_535)
      rest = rest.dropFirst(block.count)
      let count = UInt16(block.count)
      stream.append(rest.isEmpty ? 1 : 0)
      for value in [count, ~count] { stream += [UInt8(value & 255), UInt8(value >> 8)] }
      stream += block
    }
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return stream + bigEndian(b << 16 | a)
  }

  private static func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(name.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(checksum(content))
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1 }
    }
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }
}
