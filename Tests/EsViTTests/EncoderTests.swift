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

  /// Small enough for many batches, with shifted and padded windows.
  private static let model = Model.random(
    Architecture(embedDimension: 32, depths: [1, 2, 1], heads: [1, 2, 4], window: 5),
    preprocessing: Preprocessing(resize: 72, crop: 64))

  @Test(
    "an embedding is the same bits alone, in any batch and at any place in it", arguments: [false, true],
    Precision.allCases)
  func sameBits(portable: Bool, precision: Precision) throws {
    let context = try Self.context.get()
    let encoder = try Encoder(
      model: Self.model, context: context, maximumBatch: 33, precision: precision,
      variants: portable ? .portable : nil)
    let images = (0..<33).map { RGB8Image.noise("image \($0)", width: 64 + 3 * $0, height: 90 - $0) }
    let alone = try images.map { try encoder.encode([$0])[0].get() }
    #expect(Set(alone.map(\.raw)).count == images.count)
    var generator = SystemRandomNumberGenerator()
    for count in [1, 2, 7, 8, 33].shuffled(using: &generator) {
      let places = Array(images.indices.shuffled(using: &generator).prefix(count))
      let batch = try encoder.encode(places.map { images[$0] })
      for (place, result) in zip(places, batch) { #expect(try result.get() == alone[place]) }
    }
    // Another encoder, whose kernels are built anew, gives the same bits.
    let again = try Encoder(
      model: Self.model, context: Context(device: context.device, cacheDirectory: nil), maximumBatch: 4,
      precision: precision, variants: portable ? .portable : nil)
    try again.warmUp()
    #expect(try again.encode([images[5]])[0].get() == alone[5])
  }

  @Test("a lower precision stays close to f32, by whichever kernels", arguments: [Precision.bf16, .int8])
  func precision(precision: Precision) throws {
    let context = try Self.context.get()
    var rounding = Variants.preferred(for: context.device)
    rounding[.gemm(of: precision)] = .cpu
    let images = (0..<4).map { RGB8Image.noise("image \($0)", width: 80, height: 70) }
    func embeddings(_ precision: Precision, _ variants: Variants?) throws -> [[Float]] {
      let encoder = try Encoder(
        model: Self.model, context: context, maximumBatch: 4, precision: precision, variants: variants)
      return try encoder.encode(images).map { try $0.get().normalized }
    }
    let reference = try embeddings(.f32, nil)
    for variants in [nil, rounding, .portable] {
      let found = try embeddings(precision, variants)
      for (embedding, truth) in zip(found, reference) {
        let cosine = zip(embedding, truth).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(cosine >= (precision == .bf16 ? 0.9995 : 0.99))
        #expect(embedding != truth)
      }
    }
  }

  @Test(
    "a weight that is not a number makes every embedding an error, never a value", arguments: Precision.allCases)
  func notFinite(precision: Precision) throws {
    for name in [
      "layers.1.blocks.0.mlp.fc1.weight", "layers.0.blocks.0.attn.relative_position_bias_table", "norm.bias",
    ] {
      var tensors = Self.model.tensors
      var values = try #require(tensors[name]).floats()
      values[values.count / 2] = .nan
      tensors[name] = Tensor(shape: try #require(tensors[name]).shape, floats: values)
      let broken = Model(
        name: "broken", architecture: Self.model.architecture, preprocessing: Self.model.preprocessing,
        tensors: tensors, header: [:])
      for variants in [Variants.portable, nil] {
        let encoder = try Encoder(
          model: broken, context: Self.context.get(), maximumBatch: 2, precision: precision, variants: variants)
        let image = RGB8Image.noise("image", width: 64, height: 64)
        let results = try encoder.encode([image, image])
        for result in results { #expect(throws: EncodingError.notFinite, "\(name)") { try result.get() } }
      }
    }
  }

  @Test("an image without its pixels fails alone")
  func invalidImage() throws {
    let encoder = try Encoder(model: Self.model, context: Self.context.get(), maximumBatch: 4)
    let good = RGB8Image.noise("good", width: 80, height: 70)
    let results = try encoder.encode([
      good, RGB8Image(width: 10, height: 10, pixels: [1, 2, 3]), RGB8Image(width: 0, height: 5, pixels: []), good,
    ])
    #expect(try results[0].get() == results[3].get())
    #expect(throws: EncodingError.invalidImage(width: 10, height: 10, bytes: 3)) { try results[1].get() }
    #expect(throws: EncodingError.invalidImage(width: 0, height: 5, bytes: 0)) { try results[2].get() }
    #expect(throws: EncoderError.self) { try encoder.encode([RGB8Image](repeating: good, count: 5)) }
  }

  @Test(
    "every operation of the model passes the self-check at the model's own sizes", arguments: Precision.allCases)
  func layerShapes(precision: Precision) throws {
    let shapes = Self.model.architecture.layerShapes(Self.model.preprocessing, precision: precision)
    let results = SelfCheck.run(
      try Self.context.get(), variants: .preferred(for: try Self.context.get().device), shapes: shapes)
    for result in results { #expect(result.passed, "\(result)") }
  }
}
