import CTurboJPEG
import Foundation
import Testing

@testable import Imaging

/// A plain JPEG is decoded past libvips; the same file with an empty APP1 segment, which says nothing, by libvips.
@Suite struct PlainJPEGTests {
  @Test("a plain JPEG's pixels are those of libvips, bit for bit: any sampling, size and quality, progressive or not")
  func samePixels() async throws {
    for sampling in [TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_GRAY, TJSAMP_440, TJSAMP_411] {
      for (width, height) in [(1, 1), (7, 5), (61, 37), (130, 96)] {
        for (quality, flags) in [(30, 0), (95, 0), (80, TJFLAG_PROGRESSIVE)] {
          let file = try jpeg(width, height, sampling, quality: quality, flags: flags)
          try await expectSame(file)
        }
      }
    }
  }

  @Test("so are those of the example tiles")
  func examples() async throws {
    let folder = Fixtures.folder.appending(path: "../../../Examples")
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".jpg") }
    try #require(names.count > 60)
    for name in names.sorted().prefix(60) { try await expectSame(Data(contentsOf: folder.appending(path: name))) }
  }

  @Test("a damaged plain JPEG is refused, or read, exactly as libvips does it")
  func damaged() async throws {
    var random = Seeded(state: 1)
    for flags in [0, TJFLAG_PROGRESSIVE] {
      let whole = try jpeg(64, 48, TJSAMP_420, quality: 80, flags: flags)
      for round in 0..<150 {
        var file = whole
        if round.isMultiple(of: 4) { file.removeLast(Int.random(in: 1..<whole.count - 20, using: &random)) }
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          file[Int.random(in: 20..<file.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let (plain, marked) = (await outcome(file), await outcome(Self.marked(file)))
        #expect(plain == marked, "round \(round)")
      }
    }
  }

  @Test("what may turn a picture, change its colours or be large is no plain JPEG")
  func special() throws {
    for name in [
      "cmyk.jpg", "orientation-1.jpg", "orientation-6.jpg", "profile-linear-grey.jpg", "profile-swapped.jpg",
      "plain.png",
    ] {
      #expect(try !isPlain(Fixtures.data(name)), "\(name)")
    }
    #expect(try isPlain(Fixtures.data("plain.jpg")))
    #expect(try isPlain(Fixtures.data("plain.jpg"), limit: 48 * 32))
    #expect(try !isPlain(Fixtures.data("plain.jpg"), limit: 48 * 32 - 1))
    #expect(try !isPlain(jpeg(1200, 1000, TJSAMP_420, quality: 80)))
    #expect(!isPlain(Data([0xFF, 0xD8, 0xFF])))
    #expect(!isPlain(Data([0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF])))
  }

  // MARK: Helpers

  private func isPlain(_ file: Data, limit: Int = .max) -> Bool {
    file.withUnsafeBytes { bytes in
      if PlainJPEG(bytes, pixels: limit) != nil { true } else { false }
    }
  }

  private func expectSame(_ file: Data) async throws {
    let marked = Self.marked(file)
    #expect(isPlain(file) && !isPlain(marked))
    #expect(try await decoder.decode(.data(file)).image == decoder.decode(.data(marked)).image)
  }

  /// With an empty APP1 segment behind the start of the image.
  private static func marked(_ file: Data) -> Data { file.prefix(2) + Data([0xFF, 0xE1, 0, 2]) + file.dropFirst(2) }

  private func outcome(_ file: Data) async -> Result<RGBImage, ImageError> {
    do throws(ImageError) { return .success(try await decoder.decode(.data(file)).image) } catch {
      return .failure(error)
    }
  }

  /// Colours that run across the picture, with noise on them.
  private func jpeg(
    _ width: Int, _ height: Int, _ sampling: TJSAMP, quality: Int, flags: Int32 = 0
  ) throws -> Data {
    var random = Seeded(state: UInt64(width))
    let pixels = (0..<width * height * 3).map { place in
      UInt8(place % 3 * 60 + place / 3 % width * 60 / width + Int.random(in: 0..<40, using: &random))
    }
    let encoder = try #require(tjInitCompress())
    defer { tjDestroy(encoder) }
    var bytes: UnsafeMutablePointer<UInt8>?
    defer { tjFree(bytes) }
    var count: UInt = 0
    let failed = tjCompress2(
      encoder, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &bytes, &count,
      Int32(sampling.rawValue), Int32(quality), flags)
    try #require(failed == 0)
    return Data(bytes: try #require(bytes), count: Int(count))
  }
}
