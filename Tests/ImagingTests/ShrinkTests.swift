import Testing

@testable import Imaging

@Suite struct ShrinkTests {
  @Test(
    "each pixel is the mean of the area that it covers",
    arguments: [(97, 61, 40), (30, 77, 13), (64, 64, 16), (41, 3, 40), (100, 1, 7), (193, 5, 192)])
  func mean(width: Int, height: Int, side: Int) throws {
    var random = Seeded(state: UInt64(width))
    let pixels = (0..<width * height * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
    let image = try #require(RGBImage(width: width, height: height, pixels: pixels))
    let small = Shrink.toFit(image, side: side)
    let scale = Double(side) / Double(max(width, height))
    #expect(small.width == max(1, Int((Double(width) * scale).rounded())))
    #expect(small.height == max(1, Int((Double(height) * scale).rounded())))
    for y in 0..<small.height {
      for x in 0..<small.width {
        let expected = mean(of: image, x, y, small)
        let found = small[x, y]
        #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 0.501 }, "\(x) \(y) \(found) \(expected)")
      }
    }
  }

  @Test("white stays white, and a picture that fits stays as it is")
  func extremes() throws {
    let white = try #require(RGBImage(width: 999, height: 7, pixels: Array(repeating: 255, count: 999 * 7 * 3)))
    #expect(Shrink.toFit(white, side: 192).pixels.allSatisfy { $0 == 255 })
    #expect(Shrink.toFit(white, side: 999) == white)
  }

  /// By the definition, in double precision: every old pixel, times the area that it shares with the new one.
  private func mean(of image: RGBImage, _ x: Int, _ y: Int, _ small: RGBImage) -> [Double] {
    let across = Double(image.width) / Double(small.width)
    let down = Double(image.height) / Double(small.height)
    var sums = [0.0, 0.0, 0.0]
    func shared(_ place: Int, _ new: Int, _ length: Double) -> Double {
      max(0, min(Double(place + 1), Double(new + 1) * length) - max(Double(place), Double(new) * length))
    }
    for v in max(0, Int(Double(y) * down) - 1)..<min(image.height, Int(Double(y + 1) * down) + 2) {
      for u in max(0, Int(Double(x) * across) - 1)..<min(image.width, Int(Double(x + 1) * across) + 2) {
        let area = shared(u, x, across) * shared(v, y, down)
        for channel in 0..<3 { sums[channel] += area * Double(image[u, v][channel]) }
      }
    }
    return sums.map { $0 / (across * down) }
  }
}
