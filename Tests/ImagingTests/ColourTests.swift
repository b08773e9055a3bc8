import Foundation
import Testing

@testable import Imaging

@Suite struct ColourTests {
  @Test("grey becomes three equal channels", arguments: ["grey.png", "deep-grey.png", "grey.tif", "grey-inverted.tif"])
  func grey(name: String) async throws {
    let expected = try Gradient().mapped { [$0[0], $0[0], $0[0]] }
    #expect(try await decode(name) == expected)
  }

  @Test("a grey JPEG and a picture of one bit are read too")
  func greyJPEGAndOneBit() async throws {
    let grey = try Gradient().mapped { [$0[0], $0[0], $0[0]] }
    #expect(try await decode("grey.jpg").distance(to: grey) <= 4)
    let bits = try Gradient().mapped { Array(repeating: $0[0] >= 128 ? 255 : 0, count: 3) }
    #expect(try await decode("one-bit.png") == bits)
  }

  @Test("a palette is looked up; its transparent entry is white paper")
  func palette() async throws {
    #expect(try await decode("palette.png").distance(to: Gradient().image) <= 64)
    let expected = try Gradient().mapped { $0[0] >= 128 ? [10, 10, 200] : [255, 255, 255] }
    #expect(try await decode("palette-transparent.png") == expected)
  }

  @Test("what is transparent lies on white", arguments: ["alpha.png", "deep-alpha.png", "alpha.webp", "alpha.tif"])
  func alpha(name: String) async throws {
    // The script's alpha is the green channel.
    let expected = try Gradient().mapped { pixel in pixel.map { ($0 * pixel[1] + 255 * (255 - pixel[1]) + 127) / 255 } }
    #expect(try await decode(name).distance(to: expected) <= 1)
  }

  @Test("grey with transparency lies on white")
  func greyAlpha() async throws {
    let expected = try Gradient().mapped { pixel in
      Array(repeating: (pixel[0] * pixel[1] + 255 * (255 - pixel[1]) + 127) / 255, count: 3)
    }
    #expect(try await decode("grey-alpha.png").distance(to: expected) <= 1)
  }

  @Test("a linear profile is brought to sRGB by its curve", arguments: ["profile-linear.png", "profile.tif"])
  func linearProfile(name: String) async throws {
    let expected = try Gradient().mapped { $0.map(encoded) }
    #expect(try await decode(name).distance(to: expected) <= 2)
  }

  @Test("a linear profile leaves transparency alone")
  func linearProfileWithAlpha() async throws {
    let expected = try Gradient().mapped { pixel in
      pixel.map { (encoded($0) * pixel[1] + 255 * (255 - pixel[1]) + 127) / 255 }
    }
    #expect(try await decode("profile-linear-alpha.png").distance(to: expected) <= 2)
  }

  @Test("a grey profile works on grey, and is passed over on colours")
  func greyProfile() async throws {
    let expected = try Gradient().mapped { Array(repeating: encoded($0[0]), count: 3) }
    // JPEG at quality 100 errs by one step, which a linear curve stretches in the dark.
    let image = try await decode("profile-linear-grey.jpg")
    for x in 10..<48 { #expect(abs(image[x, 16][0] - expected[x, 16][0]) <= 3) }
    #expect(try await decode("profile-of-other-colours.png") == Gradient().image)
  }

  @Test("a profile with red and blue exchanged exchanges them")
  func swappedProfile() async throws {
    let image = try await decode("profile-swapped.jpg")
    // Gamma 2.2 against sRGB's curve, and JPEG: not exact, but red is blue beyond doubt.
    let expected = try Gradient().mapped { [$0[2], $0[1], $0[0]] }
    #expect(image.distance(to: expected) <= 12)
  }

  @Test("a broken profile is passed over")
  func brokenProfile() async throws {
    #expect(try await decode("profile-broken.png") == Gradient().image)
  }

  @Test("CMYK inks look like inks on paper")
  func cmyk() async throws {
    let image = try await decode("cmyk.jpg")
    let patches = (0..<6).map { image[$0 * 16 + 8, 8] }
    #expect(patches[0].allSatisfy { $0 >= 250 }, "paper")
    #expect(patches[1].allSatisfy { $0 <= 70 }, "black")
    #expect(patches[2][0] < 80 && patches[2][2] > 180, "cyan")
    #expect(patches[3][1] < 80 && patches[3][0] > 180, "magenta")
    #expect(patches[4][2] < 90 && patches[4][0] > 220 && patches[4][1] > 200, "yellow")
    #expect(patches[5].allSatisfy { $0 <= 30 }, "all inks")
  }

  @Test("sRGB is known by its numbers, not by its name")
  func knowsSRGB() throws {
    func profile(in name: String) throws -> ColourProfile? {
      try Fixtures.data(name).withUnsafeBytes { bytes in
        try Vips.start()
        return try #require(try Opened(bytes, format: ImageFormat(of: bytes), level: 0)).picture.profile
      }
    }
    #expect(try #require(try profile(in: "profile-srgb.png")).isSRGB)
    #expect(try !#require(try profile(in: "profile-linear.png")).isSRGB)
    #expect(try !#require(try profile(in: "profile-swapped.jpg")).isSRGB)
    #expect(try #require(try profile(in: "profile-linear-grey.jpg")).space == .grey)
    #expect(try profile(in: "plain.png") == nil)
  }

  /// sRGB's encoding of a linear channel (IEC 61966-2-1).
  private func encoded(_ linear: Int) -> Int {
    let value = Double(linear) / 255
    return Int((255 * (value > 0.0031308 ? 1.055 * pow(value, 1 / 2.4) - 0.055 : 12.92 * value)).rounded())
  }
}
