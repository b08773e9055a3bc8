import Glibc

/// An embedded ICC profile, as far as it must be known to decide what to do with it (ICC.1:2022, sections 7, 9 and 10).
struct ColourProfile {
  /// The colours that the profile gives a meaning to.
  enum Space { case rgb, grey, cmyk, other }

  let space: Space
  /// sRGB by its numbers, not by its name: going through it would only cost time and rounding.
  let isSRGB: Bool

  /// - Returns: nil for bytes that are no profile.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 132, Self.name(bytes, at: 36) == "acsp" else { return nil }
    space =
      switch Self.name(bytes, at: 16) {
      case "RGB ": .rgb
      case "GRAY": .grey
      case "CMYK": .cmyk
      default: .other
      }
    isSRGB = space == .rgb && Self.hasNumbersOfSRGB(bytes)
  }

  /// sRGB's primaries, adapted to D50 (IEC 61966-2-1, as every sRGB profile stores them).
  private static let primaries: [(tag: String, xyz: [Double])] = [
    ("rXYZ", [0.4360, 0.2225, 0.0139]), ("gXYZ", [0.3851, 0.7169, 0.0971]), ("bXYZ", [0.1431, 0.0606, 0.7141]),
  ]

  private static func hasNumbersOfSRGB(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let tags = tags(bytes), tags["A2B0"] == nil, tags["A2B1"] == nil else { return false }
    for (tag, xyz) in primaries {
      guard let data = tags[tag], data.count >= 20, name(data, at: 0) == "XYZ " else { return false }
      for (place, expected) in xyz.enumerated() where abs(fixed(data, at: 8 + 4 * place) - expected) > 0.001 {
        return false
      }
    }
    return ["rTRC", "gTRC", "bTRC"].allSatisfy { tags[$0].map(isCurveOfSRGB) ?? false }
  }

  /// The tag table; nil when it leaves the bytes.
  private static func tags(_ bytes: UnsafeRawBufferPointer) -> [String: UnsafeRawBufferPointer]? {
    let count = Int(word(bytes, at: 128))
    guard count <= 100, bytes.count >= 132 + 12 * count else { return nil }
    var tags: [String: UnsafeRawBufferPointer] = [:]
    for entry in 0..<count {
      let start = Int(word(bytes, at: 136 + 12 * entry))
      let size = Int(word(bytes, at: 140 + 12 * entry))
      guard start + size <= bytes.count else { return nil }
      tags[name(bytes, at: 132 + 12 * entry)] = UnsafeRawBufferPointer(rebasing: bytes[start..<start + size])
    }
    return tags
  }

  private static func isCurveOfSRGB(_ data: UnsafeRawBufferPointer) -> Bool {
    guard data.count >= 12 else { return false }
    switch name(data, at: 0) {
    case "para":
      // Type 3: Y = (aX + b)^g from d on, else cX.
      guard data.count >= 32, short(data, at: 8) == 3 else { return false }
      let expected = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
      return expected.enumerated().allSatisfy { abs(fixed(data, at: 12 + 4 * $0.offset) - $0.element) < 0.001 }
    case "curv":
      let count = Int(word(data, at: 8))
      guard count >= 256, data.count >= 12 + 2 * count else { return false }
      // Checked at 255 places, which are all there are in an 8-bit picture.
      return (1...255).allSatisfy { sample in
        let place = sample * (count - 1) / 255
        let (x, y) = (Double(place) / Double(count - 1), Double(short(data, at: 12 + 2 * place)) / 65535)
        return abs(encoded(y) - x) < 0.002
      }
    default: return false
    }
  }

  /// sRGB's encoding of a linear value.
  private static func encoded(_ linear: Double) -> Double {
    linear > 0.0031308 ? 1.055 * pow(linear, 1 / 2.4) - 0.055 : linear * 12.92
  }

  private static func name(_ bytes: UnsafeRawBufferPointer, at place: Int) -> String {
    String(decoding: bytes[place..<place + 4], as: Unicode.ASCII.self)
  }

  private static func word(_ bytes: UnsafeRawBufferPointer, at place: Int) -> UInt32 {
    UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self))
  }

  private static func short(_ bytes: UnsafeRawBufferPointer, at place: Int) -> UInt16 {
    UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self))
  }

  /// s15Fixed16Number.
  private static func fixed(_ bytes: UnsafeRawBufferPointer, at place: Int) -> Double {
    Double(Int32(bitPattern: word(bytes, at: place))) / 65536
  }
}
