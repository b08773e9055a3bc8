import CVips
import Foundation
import Testing

@testable import Imaging

@Suite struct FormatTests {
  @Test(
    "lossless files give exactly the pixels that were written",
    arguments: [
      "plain.png", "interlaced.png", "deep.png", "profile-srgb.png", "plain.webp", "animated.webp", "plain.tif",
      "big-endian.tif", "bigtiff.tif", "planes.tif", "deep.tif", "zstd.tif", "packbits.tif", "oriented.tif",
    ])
  func lossless(name: String) async throws {
    let expected = try Gradient().image
    #expect(try await decode(name) == expected)
  }

  @Test("lossy files come within a few steps", arguments: ["plain.jpg", "progressive.jpg", "lossy.webp"])
  func lossy(name: String) async throws {
    let distance = try await decode(name).distance(to: Gradient().image)
    #expect(distance <= 8)
  }

  @Test("tiled files give the whole picture, cut tiles at the edges too")
  func tiles() async throws {
    let expected = try Gradient(width: 100, height: 70).image
    #expect(try await decode("tiles.tif") == expected)
    #expect(try await decode("oriented-tiles.tif") == expected)
    #expect(try await decode("jpeg-tiles.tif").distance(to: Gradient(width: 96, height: 64).image) <= 8)
  }

  @Test("each of the eight EXIF orientations is set upright", arguments: 1...8)
  func orientation(tag: Int) async throws {
    let distance = try await decode("orientation-\(tag).jpg").distance(to: Gradient().image)
    #expect(distance <= 6)
  }

  @Test("the format is told by the bytes, and the hash is that of the file")
  func formatAndHash() async throws {
    let found = try await ["plain.jpg", "plain.png", "plain.tif", "plain.webp"].asyncMap { name in
      try await decoder.decode(.data(Fixtures.data(name))).format
    }
    #expect(found == [.jpeg, .png, .tiff, .webp])
    let whole = try await decoder.decode(.data(Fixtures.data("tiles.tif")))
    let part = try await decoder.decode(
      .data(Fixtures.data("tiles.tif")), region: ImageRegion(x: 1, y: 2, width: 3, height: 4))
    let hash = whole.sha256.map { String(format: "%02x", $0) }.joined()
    #expect(try await hash == systemHash("tiles.tif"))
    #expect(part.sha256 == whole.sha256)
  }

  @Test("what is not on the list is refused by name")
  func refusals() async throws {
    let cases: [(Data, String)] = [
      (try Fixtures.data("refused.gif"), "a GIF"), (try Fixtures.data("refused.bmp"), "a BMP"),
      (try Fixtures.data("refused.jp2"), "a JPEG 2000 file"), (Data("%PDF-1.7\n".utf8), "a PDF"),
      (Data("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8), "an SVG"), (Data("<?xml version='1.0'?>".utf8), "XML"),
      (Data("just words in tile.jpg\n".utf8), "text"), (Data([0, 1, 2, 3, 4, 5]), "of an unknown kind"),
      (Data("\0\0\0\u{18}ftypheic".utf8), "a HEIF, AVIF or video file"),
    ]
    for (data, name) in cases {
      await #expect(throws: ImageError.unsupportedFormat(name)) { try await decoder.decode(.data(data)) }
    }
    await #expect(throws: ImageError.empty) { try await decoder.decode(.data(Data())) }
  }

  @Test("libvips itself has no other loader left")
  func openLoaders() throws {
    try Vips.start()
    var names: [String] = []
    withUnsafeMutablePointer(to: &names) { names in
      cvips_each_open_loader(
        { name, names in
          guard let name, let names else { return }
          names.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
        }, names)
    }
    let formats = Set(names.compactMap { $0.split(separator: "_").first.map(String.init) })
    #expect(formats == ["jpegload", "pngload", "tiffload", "webpload"])
  }

  @Test(
    "a TIFF of a kind that is not read is refused with what it holds",
    arguments: [
      ("refused-float.tif", "samples that are no unsigned integers"),
      ("refused-signed.tif", "samples that are no unsigned integers"),
      ("refused-complex.tif", "samples that are no unsigned integers"),
      ("refused-five-channels.tif", "5 channels of photometric kind 2"), ("refused-jpeg2000.tif", "JPEG 2000 tiles"),
      ("refused-lab.tif", "3 channels of photometric kind 8"),
    ])
  func refusedTIFF(name: String, reason: String) async throws {
    await #expect(throws: ImageError.unsupportedContent(.tiff, reason)) { try await decode(name) }
  }

  /// SHA-256 by coreutils.
  private func systemHash(_ name: String) async throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    process.arguments = [Fixtures.folder.appendingPathComponent(name).path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(String(decoding: output, as: UTF8.self).prefix(64))
  }
}

extension Array {
  func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
