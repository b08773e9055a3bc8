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
        withUnsafeTemporaryAllocation(of: Float.self, capacity: stride) { sums in
          for row in rows {
            // Rows first: long runs of neighbours, which the compiler turns into vector code.
            sums.update(repeating: 0)
            for y in row.first...row.last {
              let weight = row.weight(of: y)
              let line = y * stride
              for x in 0..<stride { sums[x] += weight * Float(source[line + x]) }
            }
            for column in columns {
              var (red, green, blue): (Float, Float, Float) = (0.5, 0.5, 0.5)
              for x in column.first...column.last {
                let weight = column.weight(of: x)
                red += weight * sums[3 * x]
                green += weight * sums[3 * x + 1]
                blue += weight * sums[3 * x + 2]
              }
              target[count] = UInt8(min(red, 255))
              target[count + 1] = UInt8(min(green, 255))
              target[count + 2] = UInt8(min(blue, 255))
              count += 3
            }
          }
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
