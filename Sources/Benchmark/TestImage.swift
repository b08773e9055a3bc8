import Foundation
import Imaging
import Operators

/// Pictures to measure with: pink and violet waves of several lengths under a little noise, about as hard to compress as
/// stained tissue.
enum TestImage {
  /// No two seeds give the same picture.
  static func pixels(side: Int, seed: Int) -> RGB8Image {
    var noise = Noise(seed: UInt64(seed))
    let waves = (0..<6).map { octave in
      let turn = Double(noise.next() >> 40) * 0x1p-24 * 2 * .pi
      return (x: cos(turn) * .pi / Double(4 << octave), y: sin(turn) * .pi / Double(4 << octave), height: 6.0)
    }
    var pixels = [UInt8](repeating: 0, count: 3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        var shade = waves.reduce(0.0) { $0 + $1.height * sin($1.x * Double(x) + $1.y * Double(y)) }
        shade += Double(noise.next() >> 59)
        let place = 3 * (y * side + x)
        pixels[place] = UInt8(clamping: Int(200 + 0.8 * shade))
        pixels[place + 1] = UInt8(clamping: Int(150 + 1.2 * shade))
        pixels[place + 2] = UInt8(clamping: Int(190 + 0.7 * shade))
      }
    }
    return RGB8Image(width: side, height: side, pixels: pixels)
  }

  /// The same as a JPEG file.
  static func jpeg(side: Int, seed: Int) throws -> [UInt8] {
    let image = pixels(side: side, seed: seed)
    guard let image = RGBImage(width: side, height: side, pixels: image.pixels) else { return [] }
    return [UInt8](try image.jpeg())
  }
}
