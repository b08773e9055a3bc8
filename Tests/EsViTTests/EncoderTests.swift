import Foundation
import OpenCL
import Operators
import Testing

@testable import EsViT

@DeviceActor
@Suite("The encoder computes the forward pass of the specification")
struct EncoderTests {
  static let context = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }

  @Test(
    "embeddings equal the NumPy specification's, padded maps and odd sides too",
    arguments: try EncoderFixture.all(), [false, true])
  func agrees(fixture: EncoderFixture, portable: Bool) throws {
    let encoder = try Encoder(
      model: fixture.model, context: Self.context.get(), maximumBatch: 1, variants: portable ? .portable : nil)
    let embedding = try #require(try encoder.encode([fixture.pixels]).first).get()
    #expect(relativeError(embedding.raw, fixture.answer) <= 2e-5)
    let length = fixture.answer.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
    #expect(relativeError(embedding.normalized, fixture.answer.map { Float(Double($0) / length) }) <= 2e-5)
  }
}
