/// Makes pictures smaller by averaging the area that each new pixel covers.
enum Shrink {
  /// - Parameter side: the longer side of the result, at most; a picture that fits is returned as it is.
  static func toFit(_ image: RGBImage, side: Int) -> RGBImage {
    let longer = max(image.width, image.height)
    guard longer > side, side > 0 else { return image }
    let width = max(1, (image.width * side + longer / 2) / longer)
    let height = max(1, (image.height * side + longer / 2) / longer)
    let rows = Overlap.all(from: image.height, to: height)
    let columns = Overlap.all(from: image.width, to: width)
    let stride = image.width * 3
    let pixels = image.pixels.withUnsafeBufferPointer { source in
      [UInt8](unsafeUninitializedCapacity: width * height * 3) { target, count in
        // One more than a row: pixels are read four numbers at a time.
        withUnsafeTemporaryAllocation(of: Float.self, capacity: stride + 1) { sums in
          guard let sum = sums.baseAddress, let source = source.baseAddress, var pixel = target.baseAddress else {
            return
          }
          for row in rows {
            // Rows first: long runs of neighbours, which the compiler turns into vector code.
            sums.update(repeating: 0)
            for y in row.first...row.last {
              let weight = row.weight(of: y)
              let line = source + y * stride
              for x in 0..<stride { sum[x] += weight * Float(line[x]) }
            }
            for column in columns {
              var mean = SIMD4<Float>.zero
              for x in column.first...column.last {
                let place = UnsafeRawPointer(sum + 3 * x)
                mean += column.weight(of: x) * place.loadUnaligned(as: SIMD4<Float>.self)
              }
              // Added to 2²³ a number is rounded to a whole one, which then stands in the lowest bits.
              mean += 8_388_608
              pixel[0] = UInt8(truncatingIfNeeded: mean.x.bitPattern)
              pixel[1] = UInt8(truncatingIfNeeded: mean.y.bitPattern)
              pixel[2] = UInt8(truncatingIfNeeded: mean.z.bitPattern)
              pixel += 3
            }
          }
          count = width * height * 3
        }
      }
    }
    return RGBImage(checkedWidth: width, height: height, pixels: pixels)
  }

  /// Which old pixels, of one axis, a new one covers, and how much of each.
  private struct Overlap {
    let first: Int
    let last: Int
    private let firstWeight: Float
    private let innerWeight: Float
    private let lastWeight: Float

    /// For each of `new` pixels that share the length of `old` ones.
    static func all(from old: Int, to new: Int) -> [Overlap] {
      (0..<new).map { Overlap($0 * old, ($0 + 1) * old, unit: new, total: Float(old)) }
    }

    /// From `start` to `end`, in `unit`-ths of an old pixel; all weights are parts of `total`.
    private init(_ start: Int, _ end: Int, unit: Int, total: Float) {
      first = start / unit
      last = (end - 1) / unit
      innerWeight = Float(unit) / total
      firstWeight = Float(min(end, (first + 1) * unit) - start) / total
      lastWeight = Float(end - max(start, last * unit)) / total
    }

    func weight(of place: Int) -> Float {
      place == first ? firstWeight : place == last ? lastWeight : innerWeight
    }
  }
}
