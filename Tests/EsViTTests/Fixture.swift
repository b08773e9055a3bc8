import Foundation
import Testing

@testable import EsViT

/// The files of Tests/Fixtures: what independent implementations answered, and the scripts that asked them.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

  /// The package's own folder.
  static let package = folder.deletingLastPathComponent().deletingLastPathComponent()

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  static func json<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    try JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appending(path: name)))
  }
}

/// 32-bit floats as base64 of their little-endian bytes.
struct FloatArray: Decodable {
  let values: [Float]

  init(from decoder: any Decoder) throws {
    let data = try decoder.singleValueContainer().decode(Data.self)
    let tensor = try #require(Tensor(shape: [data.count / 4], dtype: .f32, bytes: Array(data)))
    values = tensor.floats()
  }
}

/// A file of Tests/Fixtures/parity: expected embeddings of a model, un-normalised.
struct ParityFixture: Decodable {
  /// What `Model.load` takes.
  let model: String
  /// Names for `RGB8Image.noise`, which are `side` pixels square.
  let images: [String]
  let side: Int
  /// One an image.
  let embeddings: [FloatArray]
  /// What an implementation with the named fault answers for the first image.
  let faults: [String: FloatArray]?
  /// Mean softmax entropy of the attention over the uniform's; of generated weights.
  let entropy: Double?
}
