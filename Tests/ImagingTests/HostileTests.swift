import Foundation
import Testing

@testable import Imaging

/// A generator of the same numbers in every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct HostileTests {
  @Test(
    "a truncated file is an error that says so, never grey pixels",
    arguments: ["plain.jpg", "progressive.jpg", "plain.png", "lossy.webp", "plain.tif", "zstd.tif", "jpeg-tiles.tif"])
  func truncated(name: String) async throws {
    let whole = try Fixtures.data(name)
    let expected = try await decode(name)
    var refused = 0
    for part in stride(from: 0.05, through: 0.95, by: 0.09) {
      do throws(ImageError) {
        // Only what follows the last pixel may be missing unnoticed.
        let image = try await decoder.decode(.data(whole.prefix(Int(Double(whole.count) * part)))).image
        #expect(image == expected, "\(part)")
      } catch {
        refused += 1
        switch error {
        case .damaged(_, let reason): #expect(!reason.isEmpty && !reason.contains("\n") && reason.count <= 200)
        case .unsupportedFormat: #expect(part < 0.1)
        default: Issue.record(error)
        }
      }
    }
    #expect(refused >= 8)
  }

  @Test("files whose directories loop, leave the file or repeat are refused")
  func directories() async throws {
    await #expect(throws: ImageError.damaged(.tiff, reason: "its directories form a loop")) {
      try await decode("hostile-loop.tif")
    }
    await #expect(throws: ImageError.damaged(.tiff, reason: "it ends within its header")) {
      try await decoder.decode(.data(Data("II*\0\u{8}\0\0\0".utf8)))
    }
    await #expect(throws: ImageError.damaged(.tiff, reason: "a directory points outside the file")) {
      try await decoder.decode(.data(Data("II*\0".utf8) + Data(repeating: 0xFF, count: 4) + Data(count: 20)))
    }
    await #expect(throws: ImageError.damaged(.tiff, reason: "it has no directory")) {
      try await decoder.decode(.data(Data("MM\0*".utf8) + Data(count: 20)))
    }
  }

  @Test("a broken file fails alone, with its own reason, beside others that are decoded")
  func alone() async throws {
    let jpeg = try Fixtures.data("plain.jpg")
    let webp = try Fixtures.data("lossy.webp")
    let whole = try Fixtures.data("plain.png")
    let expected = try Gradient().image
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<120 {
        group.addTask {
          switch number % 3 {
          case 0:
            let image = try? await decoder.decode(.data(whole)).image
            #expect(image == expected)
          case 1:
            await #expect(throws: ImageError.damaged(.jpeg, reason: "VipsJpeg: Premature end of input file")) {
              try await decoder.decode(.data(jpeg.prefix(jpeg.count - 100)))
            }
          default:
            await #expect {
              try await decoder.decode(.data(webp.prefix(100)))
            } throws: { error in
              guard case .damaged(.webp, let reason) = error as? ImageError else { return false }
              return !reason.contains("Jpeg")
            }
          }
        }
      }
    }
  }

  @Test("damage to a JPEG's data is noticed where the decoder notices it")
  func damagedJPEG() async throws {
    let whole = try Fixtures.data("plain.jpg")
    var random = Seeded(state: 1)
    var refused = 0
    for _ in 0..<100 {
      var file = whole
      for _ in 0..<20 {
        file[Int.random(in: 700..<whole.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      do { _ = try await decoder.decode(.data(file)) } catch { refused += 1 }
    }
    #expect(refused >= 50)
  }
}
