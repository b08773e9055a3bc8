/// Where the crop lies in the resized image: torchvision's `Resize(resize)` and `CenterCrop(crop)`.
struct ResizeGeometry: Hashable {
  let width: ResizeAxis
  let height: ResizeAxis

  /// The image's shorter side becomes `resize`, the longer one keeps the ratio, rounded down.
  init(width: Int, height: Int, resize: Int, crop: Int) {
    let shorter = min(width, height)
    self.width = ResizeAxis(source: width, target: resize * width / shorter, crop: crop)
    self.height = ResizeAxis(source: height, target: resize * height / shorter, crop: crop)
  }
}

/// One axis of a resizing: `source` pixels become `target`, of which the `crop` in the middle are wanted.
struct ResizeAxis: Hashable {
  let source: Int
  let target: Int
  let crop: Int

  /// The first wanted pixel: half of what is cut, rounded half to even as Python's `round` does.
  var first: Int { Int((Double(target - crop) / 2).rounded(.toNearestOrEven)) }

  /// Fixed-point weights of Pillow's bicubic filter (a = -0.5), stretched by the scale where the image shrinks:
  /// `precompute_coeffs` and `normalize_coeffs_8bpc` of its Resample.c.
  func table() -> ResizeTable {
    let scale = Double(source) / Double(target)
    let stretch = max(scale, 1)
    let support = 2 * stretch
    let taps = Int(support.rounded(.up)) * 2 + 1
    var weights = [Int32](repeating: 0, count: crop * taps)
    var spans: [Int32] = []
    spans.reserveCapacity(2 * crop)
    var row = [Double](repeating: 0, count: taps)
    for x in 0..<crop {
      let center = (Double(first + x) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let count = min(source, Int(center + support + 0.5)) - start
      var sum = 0.0
      for i in 0..<count {
        row[i] = Self.bicubic((Double(start + i) - center + 0.5) / stretch)
        sum += row[i]
      }
      for i in 0..<count {
        weights[x * taps + i] = Int32((row[i] / sum * Double(1 << 22)).rounded(.toNearestOrAwayFromZero))
      }
      spans += [Int32(start), Int32(count)]
    }
    return ResizeTable(taps: taps, weights: weights, spans: spans)
  }

  private static func bicubic(_ x: Double) -> Double {
    let a = -0.5
    let x = abs(x)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}

/// What `preprocess.cl` reads of one axis.
struct ResizeTable {
  let taps: Int
  /// `[crop, taps]`, 22 fractional bits.
  let weights: [Int32]
  /// `[crop, 2]`: the first source pixel and the number of them.
  let spans: [Int32]

  /// The source pixels that any of the crop reads.
  var sourceRange: Range<Int> {
    let first = spans.count < 2 ? 0 : Int(spans[0])
    let last = spans.count < 2 ? 0 : Int(spans[spans.count - 2] + spans[spans.count - 1])
    return first..<last
  }
}
