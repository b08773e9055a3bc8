import Foundation
import Testing

@testable import Imaging

@Suite struct ThumbnailTests {
  @Test("the thumbnail is a JPEG of the picture whose longer side is the one asked for")
  func sides() async throws {
    let data = try Fixtures.data("pyramid-pages.tif")
    let small = try #require(try await decoder.decode(.data(data), thumbnail: 64).thumbnail)
    let image = try await decoder.decode(.data(small))
    #expect(image.format == .jpeg)
    let expected = try Gradient(width: 64, height: 48, blue: 0).image
    #expect(image.image.distance(to: expected) <= 16)
  }

  @Test("it shows the region, upright, and never enlarges")
  func regionAndSmallPicture() async throws {
    let region = ImageRegion(x: 10, y: 5, width: 20, height: 12)
    let data = try Fixtures.data("orientation-6.jpg")
    let thumbnail = try #require(try await decoder.decode(.data(data), region: region, thumbnail: 192).thumbnail)
    let expected = try Gradient().image(Rectangle(x: 10, y: 5, width: 20, height: 12))
    #expect(try await decoder.decode(.data(thumbnail)).image.distance(to: expected) <= 16)
  }

  @Test("an extreme shape keeps at least one pixel")
  func extremeShape() async throws {
    let data = try Fixtures.data("plain.png")
    let line = ImageRegion(x: 0, y: 3, width: 48, height: 1)
    let thumbnail = try #require(try await decoder.decode(.data(data), region: line, thumbnail: 8).thumbnail)
    let image = try await decoder.decode(.data(thumbnail)).image
    #expect(image.width == 8 && image.height == 1)
  }

  @Test("none is made unless asked for")
  func none() async throws {
    #expect(try await decoder.decode(.data(Fixtures.data("plain.png"))).thumbnail == nil)
  }
}
