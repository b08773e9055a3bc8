import Foundation
import Testing

@testable import Imaging

@Suite struct LimitTests {
  @Test("a header that promises too many pixels is refused before they are decoded")
  func pixels() async throws {
    await #expect(throws: ImageError.tooManyPixels(width: 20000, height: 20000, limit: 100_000_000)) {
      try await decode("hostile-huge.png")
    }
    await #expect(throws: ImageError.tooManyPixels(width: 60000, height: 60000, limit: 100_000_000)) {
      try await decode("hostile-huge.tif")
    }
    await #expect(throws: ImageError.self) { try await decode("hostile-wide.png") }
  }

  @Test("the limit holds for the region of a tiled file, for the whole of any other")
  func regionPixels() async throws {
    let small = ImageDecoder(limits: ImageLimits(pixels: 1000), threads: 1)
    let region = ImageRegion(x: 3, y: 4, width: 40, height: 25)
    let expected = try Gradient(width: 100, height: 70).image(Rectangle(x: 3, y: 4, width: 40, height: 25))
    #expect(try await small.decode(.data(Fixtures.data("tiles.tif")), region: region).image == expected)
    await #expect(throws: ImageError.tooManyPixels(width: 40, height: 26, limit: 1000)) {
      try await small.decode(
        .data(Fixtures.data("tiles.tif")), region: ImageRegion(x: 3, y: 4, width: 40, height: 26))
    }
    await #expect(throws: ImageError.tooManyPixels(width: 48, height: 32, limit: 1000)) {
      try await small.decode(.data(Fixtures.data("plain.png")), region: ImageRegion(x: 0, y: 0, width: 1, height: 1))
    }
  }

  @Test("a file over its limit is refused by its size, inline or by path")
  func bytes() async throws {
    let data = try Fixtures.data("plain.jpg")
    let limits = ImageLimits(inlineBytes: data.count - 1, fileBytes: data.count - 2)
    let small = ImageDecoder(limits: limits, threads: 1)
    let roots = try ImageRoots([Fixtures.folder.path])
    await #expect(throws: ImageError.fileTooLarge(bytes: data.count, limit: data.count - 1)) {
      try await small.decode(.data(data))
    }
    await #expect(throws: ImageError.fileTooLarge(bytes: data.count, limit: data.count - 2)) {
      try await small.decode(.file("plain.jpg", below: roots))
    }
  }

  @Test("pictures that need more than the memory budget wait for each other and are all decoded")
  func memory() async throws {
    let tight = ImageDecoder(limits: ImageLimits(memory: 1), threads: 4)
    let expected = try Gradient().image
    let data = try Fixtures.data("interlaced.png")
    try await withThrowingTaskGroup(of: RGBImage.self) { group in
      for _ in 0..<40 { group.addTask { try await tight.decode(.data(data)).image } }
      for try await image in group { #expect(image == expected) }
    }
  }

  @Test("a progressive JPEG with thousands of scans is refused at once")
  func scans() async throws {
    let plain = try Fixtures.data("progressive.jpg")
    // FF DA starts a scan, FF D9 ends the file.
    let scan = try #require(plain.lastRange(of: [0xFF, 0xDA])?.lowerBound)
    let end = try #require(plain.lastRange(of: [0xFF, 0xD9])?.lowerBound)
    var file = Data(plain[..<end])
    for _ in 0..<20_000 { file += plain[scan..<end] }
    file += plain[end...]
    await #expect(throws: ImageError.self) { try await decoder.decode(.data(file)) }
  }
}

extension Data {
  fileprivate func lastRange(of bytes: [UInt8]) -> Range<Int>? { range(of: Data(bytes), options: .backwards) }
}
