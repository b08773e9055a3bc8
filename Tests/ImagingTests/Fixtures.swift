import Foundation
import Testing

@testable import Imaging

/// The files that `Fixtures/make_fixtures.py` made.
enum Fixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

  static func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

  /// Every image file, hostile ones too, in a fixed order.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasSuffix(".py") }.sorted()
  }
}

/// The picture that the script writes: red grows to the right, green downwards, blue is constant.
struct Gradient {
  var width = 48
  var height = 32
  var blue = 128

  var image: RGBImage {
    get throws { try image(Rectangle(x: 0, y: 0, width: width, height: height)) }
  }

  func image(_ part: Rectangle) throws -> RGBImage {
    try picture(part) { x, y in [x * 255 / (width - 1), y * 255 / (height - 1), blue] }
  }

  /// Each pixel by a formula of its red, green and blue.
  func mapped(_ change: ([Int]) -> [Int]) throws -> RGBImage {
    try picture(Rectangle(x: 0, y: 0, width: width, height: height)) { x, y in
      change([x * 255 / (width - 1), y * 255 / (height - 1), blue])
    }
  }

  private func picture(_ part: Rectangle, _ pixel: (Int, Int) -> [Int]) throws -> RGBImage {
    var pixels: [UInt8] = []
    for y in part.y..<part.y + part.height {
      for x in part.x..<part.x + part.width { pixels += pixel(x, y).map { UInt8($0) } }
    }
    return try #require(RGBImage(width: part.width, height: part.height, pixels: pixels))
  }
}

extension RGBImage {
  /// The largest difference of any channel; 256 for pictures of different sizes.
  func distance(to other: RGBImage) -> Int {
    guard width == other.width, height == other.height else { return 256 }
    return zip(pixels, other.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }

  /// Red, green, blue.
  subscript(x: Int, y: Int) -> [Int] {
    let place = (y * width + x) * 3
    return pixels[place..<place + 3].map(Int.init)
  }
}

/// The one decoder of most tests.
let decoder = ImageDecoder(threads: 2)

func decode(_ name: String, region: ImageRegion? = nil) async throws -> RGBImage {
  try await decoder.decode(.data(Fixtures.data(name)), region: region).image
}
