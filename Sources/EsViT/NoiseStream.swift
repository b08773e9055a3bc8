/// A counter-based source of noise that is the same, bit for bit, in every language with 64-bit integers.
///
/// The seed is the 64-bit FNV-1a hash of a name's UTF-8 bytes; the bits at place `i` are SplitMix64's output function
/// applied to `seed + (i + 1) · 0x9E3779B97F4A7C15` (mod 2⁶⁴). `Tests/Fixtures/noise.py` is the same in NumPy.
package struct NoiseStream: Sendable {
  let seed: UInt64

  package init(_ name: String) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }
    seed = hash
  }

  /// 64 bits at a place of the stream.
  @inline(__always)
  package func bits(at index: Int) -> UInt64 {
    var z = seed &+ (UInt64(truncatingIfNeeded: index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }

  /// Standard deviation of the sum of four independent integers uniform in 0…65535.
  static let sumDeviation = (4.0 * (65536.0 * 65536.0 - 1) / 12).squareRoot()

  /// Nearly normal numbers: `mean + deviation · z`, where z is the centred sum of the four 16-bit parts of a place.
  ///
  /// Exact in both languages: the centred sum is an integer below 2¹⁸, `deviation / sumDeviation` is divided in double
  /// precision and rounded once, and one 32-bit product and one 32-bit sum follow.
  package func normal(count: Int, mean: Float = 0, deviation: Double) -> [Float] {
    let scale = Float(deviation / Self.sumDeviation)
    return Array(unsafeUninitializedCapacity: count) { out, initialized in
      var i = 0
      while i < count {
        let b = bits(at: i)
        let sum = (b & 0xFFFF) &+ ((b &>> 16) & 0xFFFF) &+ ((b &>> 32) & 0xFFFF) &+ (b &>> 48)
        let scaled = Float(Int64(bitPattern: sum) &- 131_070) * scale
        out[i] = mean + scaled
        i &+= 1
      }
      initialized = count
    }
  }
}
