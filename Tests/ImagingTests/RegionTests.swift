import Foundation
import Testing

@testable import Imaging

@Suite struct RegionTests {
  @Test("a region of any format is the same rectangle of the whole")
  func regions() async throws {
    let region = ImageRegion(x: 13, y: 9, width: 20, height: 17)
    let expected = try Gradient().image(Rectangle(x: 13, y: 9, width: 20, height: 17))
    for name in ["plain.png", "interlaced.png", "plain.webp", "plain.tif", "oriented.tif", "planes.tif"] {
      #expect(try await decode(name, region: region) == expected, "\(name)")
    }
    for tag in 1...8 {
      #expect(try await decode("orientation-\(tag).jpg", region: region).distance(to: expected) <= 6, "\(tag)")
    }
  }

  @Test("regions of tiles, across tiles and of a turned picture")
  func tiles() async throws {
    let rectangles = [
      Rectangle(x: 0, y: 0, width: 32, height: 32), Rectangle(x: 31, y: 31, width: 2, height: 2),
      Rectangle(x: 96, y: 64, width: 4, height: 6), Rectangle(x: 20, y: 10, width: 70, height: 55),
    ]
    for part in rectangles {
      let region = ImageRegion(x: part.x, y: part.y, width: part.width, height: part.height)
      let expected = try Gradient(width: 100, height: 70).image(part)
      for name in ["tiles.tif", "oriented-tiles.tif"] {
        #expect(try await decode(name, region: region) == expected, "\(name) \(part)")
      }
    }
  }

  @Test(
    "levels of a pyramid: place in pixels of level 0, size in pixels of the level; thumbnail and label are no levels",
    arguments: ["pyramid-pages.tif", "pyramid-subdirectories.tif"])
  func levels(name: String) async throws {
    for level in 0..<3 {
      let gradient = Gradient(width: 256 >> level, height: 192 >> level, blue: 40 * level)
      let region = ImageRegion(x: 64, y: 48, width: 30, height: 20, level: level)
      let expected = try gradient.image(Rectangle(x: 64 >> level, y: 48 >> level, width: 30, height: 20))
      #expect(try await decode(name, region: region) == expected)
    }
    await #expect(throws: ImageError.noSuchLevel(3, levels: 3)) {
      try await decode(name, region: ImageRegion(x: 0, y: 0, width: 1, height: 1, level: 3))
    }
  }

  @Test("levels with odd sides, in big-endian BigTIFF")
  func oddLevels() async throws {
    for (level, side) in [(251, 187), (125, 93), (62, 46)].enumerated() {
      let region = ImageRegion(x: 0, y: 0, width: side.0, height: side.1, level: level)
      let expected = try Gradient(width: side.0, height: side.1, blue: 40 * level).image
      #expect(try await decode("pyramid-odd.tif", region: region) == expected)
    }
  }

  @Test("a region that leaves its level is refused, whatever the numbers")
  func outside() async throws {
    let regions = [
      ImageRegion(x: -1, y: 0, width: 1, height: 1), ImageRegion(x: 0, y: -1, width: 1, height: 1),
      ImageRegion(x: 255, y: 0, width: 2, height: 1), ImageRegion(x: 0, y: 191, width: 1, height: 2),
      ImageRegion(x: 256, y: 0, width: 1, height: 1), ImageRegion(x: 0, y: 0, width: 0, height: 1),
      ImageRegion(x: 0, y: 0, width: 1, height: -1), ImageRegion(x: .max, y: .max, width: .max, height: .max),
      ImageRegion(x: .min, y: .min, width: .max, height: .max), ImageRegion(x: 1, y: 1, width: .max, height: 1),
      ImageRegion(x: 0, y: 0, width: 129, height: 1, level: 1),
      ImageRegion(x: 192, y: 0, width: 33, height: 1, level: 1),
    ]
    for region in regions {
      let (width, height) = region.level == 0 ? (256, 192) : (128, 96)
      await #expect(throws: ImageError.regionOutside(region, levelWidth: width, levelHeight: height)) {
        try await decode("pyramid-pages.tif", region: region)
      }
    }
    for level in [-1, 1, .max, .min] {
      await #expect(throws: ImageError.noSuchLevel(level, levels: 1)) {
        try await decode("plain.png", region: ImageRegion(x: 0, y: 0, width: 1, height: 1, level: level))
      }
    }
  }

  @Test("only the tiles that a region touches are decoded")
  func onlyNeededTiles() async throws {
    // The last tile's data is destroyed; every region clear of it is intact, one that touches it is an error.
    var file = try Fixtures.data("tiles.tif")
    let last = try #require(try lastTile(of: file))
    for place in last { file[place] = 0xFF }
    let clear = ImageRegion(x: 0, y: 0, width: 96, height: 64)
    let expected = try Gradient(width: 100, height: 70).image(Rectangle(x: 0, y: 0, width: 96, height: 64))
    #expect(try await decoder.decode(.data(file), region: clear).image == expected)
    await #expect {
      try await decoder.decode(.data(file), region: ImageRegion(x: 90, y: 60, width: 10, height: 10))
    } throws: { error in
      guard case .damaged(.tiff, let reason) = error as? ImageError else { return false }
      return !reason.isEmpty
    }
  }

  /// Where the last tile of a little-endian TIFF with at least two tiles lies (tags 324 and 325, both of 32 bits).
  private func lastTile(of file: Data) throws -> Range<Int>? {
    func number(_ place: Int, _ width: Int) -> Int {
      file[place..<place + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    let start = number(4, 4)
    var last: [Int: Int] = [:]
    for entry in 0..<number(start, 2) {
      let place = start + 2 + 12 * entry
      let (tag, type, count) = (number(place, 2), number(place + 2, 2), number(place + 4, 4))
      guard tag == 324 || tag == 325 else { continue }
      let width = type == 3 ? 2 : 4
      last[tag] = number(number(place + 8, 4) + (count - 1) * width, width)
    }
    guard let offset = last[324], let length = last[325] else { return nil }
    return offset..<offset + length
  }
}
