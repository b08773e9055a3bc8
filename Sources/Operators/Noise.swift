/// A small, fast source of the same values everywhere, for checks and benchmarks: SplitMix64
/// (Steele, Lea and Flood, 2014).
package struct Noise: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` values, uniform in -1…1.
  package mutating func floats(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { values, initialized in
      // A plain loop: debug builds check millions of values at start.
      var index = 0
      while index < count {
        values.initializeElement(at: index, to: Float(next() >> 40) * 0x1p-23 - 1)
        index += 1
      }
      initialized = count
    }
  }

  package mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
