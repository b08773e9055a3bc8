import Foundation
import OpenCL
import Operators
import Testing

@testable import EsViT

/// The cases of `Tests/Fixtures/encoder.json`, whose answers the NumPy specification gave in double precision.
struct EncoderFixture: Decodable, CustomTestStringConvertible, Sendable {
  let dim: Int
  let depths: [Int]
  let heads: [Int]
  let window: Int
  let side: Int
  let image: String
  private let embedding: Data

  var testDescription: String { "C \(dim), window \(window), side \(side)" }

  static func all() throws -> [EncoderFixture] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try JSONDecoder().decode(
      [EncoderFixture].self, from: Data(contentsOf: folder.appending(path: "Fixtures/encoder.json")))
  }

  /// `[dimension]`, not normalised.
  var answer: [Float] {
    embedding.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
    }
  }

  var model: Model {
    .random(
      Architecture(embedDimension: dim, depths: depths, heads: heads, window: window),
      preprocessing: Preprocessing(resize: side, crop: side))
  }

  var pixels: RGB8Image { .noise(image, width: side, height: side) }
}

extension RGB8Image {
  /// Noise in cells of 32, 8 and 1 pixels: `image` of `Tests/Fixtures/noise.py`.
  static func noise(_ name: String, width: Int, height: Int) -> RGB8Image {
    let streams = [5, 3, 0].map { NoiseStream("\(name)/\($0)") }
    var pixels = [UInt8](repeating: 0, count: width * height * 3)
    func cell(_ i: Int, _ shift: Int, _ x: Int, _ y: Int, _ c: Int) -> Int {
      Int(streams[i].bits(at: ((y >> shift) * 4096 + (x >> shift)) * 3 + c) & 255)
    }
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<3 {
          let sum = 2 * cell(0, 5, x, y, c) + cell(1, 3, x, y, c) + cell(2, 0, x, y, c)
          pixels[(y * width + x) * 3 + c] = UInt8(sum >> 2)
        }
      }
    }
    return RGB8Image(width: width, height: height, pixels: pixels)
  }
}

/// The largest absolute difference over the largest magnitude of `truth`.
func relativeError(_ values: [Float], _ truth: [Float]) -> Float {
  guard values.count == truth.count else { return .infinity }
  let scale = truth.map(abs).max() ?? 0
  return zip(values, truth).map { abs($0 - $1) }.reduce(0) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) } / scale
}
