/// Brings vectors into the range where half precision rounds them well, by an exact power of two.
///
/// Cosine does not depend on a vector's length, so the store keeps what was given bit by bit and the device gets it as
/// it is where its largest magnitude lies in 2^-8…2 (all that the encoder makes do), else times the power of two that
/// brings the largest magnitude to 0.5…1.
enum ResidentScale {
  /// True where every number is finite and at least one is not zero.
  static func isUsable(_ vector: some Sequence<Float>) -> Bool {
    var largest: UInt32 = 0
    for value in vector { largest = max(largest, value.magnitude.bitPattern) }
    return largest > 0 && largest < Float.infinity.bitPattern
  }

  /// Scales each vector of `embeddings` `[count, dimension]` that needs it.
  ///
  /// - Returns: the first vector that has a NaN, an infinity or nothing but zeros; nil where none has.
  static func apply(to embeddings: inout [Float], dimension: Int) -> Int? {
    embeddings.withUnsafeMutableBufferPointer { buffer in
      for start in stride(from: 0, to: buffer.count, by: dimension) {
        // Magnitudes compare like the integers of their bits, NaN and infinity above all others.
        var largest: UInt32 = 0
        for index in start..<start + dimension { largest = max(largest, buffer[index].bitPattern & 0x7fff_ffff) }
        guard largest > 0, largest < Float.infinity.bitPattern else { return start / dimension }
        let magnitude = Float(bitPattern: largest)
        if magnitude >= 0x1p-8, magnitude <= 2 { continue }
        let scale = Double(sign: .plus, exponent: -Int(magnitude.exponent) - 1, significand: 1)
        for index in start..<start + dimension { buffer[index] = Float(Double(buffer[index]) * scale) }
      }
      return nil
    }
  }
}
