/// A small, fast source of the same values everywhere: SplitMix64.
struct CheckNoise {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` values, uniform in -1…1.
  mutating func floats(_ count: Int) -> [Float] {
    Array(unsafeUninitializedCapacity: count) { values, initialized in
      var i = 0
      while i < count {
        values[i] = Float(next() >> 40) * 0x1p-23 - 1
        i += 1
      }
      initialized = count
    }
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
