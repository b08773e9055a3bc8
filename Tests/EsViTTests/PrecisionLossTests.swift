import Foundation
import OpenCL
import Operators
import Testing

@testable import EsViT

@DeviceActor
@Suite("The loss of lower precisions")
struct PrecisionLossTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let architecture = Architecture(
    embedDimension: 32, depths: [2, 2], heads: [1, 2], window: 7, trainedSide: 56)

  private func loss(bf16: Double, int8: Double) -> PrecisionLoss {
    PrecisionLoss(
      bf16: .init(minimum: bf16, mean: 1), int8: .init(minimum: int8, mean: 1), images: 9, source: "a \"folder\"")
  }

  @Test("is in the file's header, and no part of the fingerprint; another preprocessing makes it void")
  func header() throws {
    let plain = Model.random(Self.architecture)
    let measured = plain.with(loss: loss(bf16: 0.9999, int8: 0.997))
    #expect(measured.fingerprint == plain.fingerprint)
    let path = folder.path("model.safetensors")
    try measured.write(to: path)
    let read = try Model.load(path)
    #expect(read.loss == measured.loss)
    #expect(read.fingerprint == plain.fingerprint)
    #expect(read.header["loss"] == nil)
    #expect(read.with(header: [:]).loss == read.loss)
    #expect(read.with(preprocessing: Preprocessing(resize: 70, crop: 56)).loss == nil)
  }

  @Test(
    "figures that are none are refused",
    arguments: [
      #"{"bf16":{"mean":1,"minimum":1}}"#, "0.99",
      #"{"bf16":{"mean":1,"minimum":1.5},"images":1,"int8":{"mean":1,"minimum":1},"source":"x"}"#,
      #"{"bf16":{"mean":1,"minimum":1},"images":0,"int8":{"mean":1,"minimum":1},"source":"x"}"#,
      #"{"bf16":{"mean":0.9,"minimum":0.99},"images":1,"int8":{"mean":1,"minimum":1},"source":"x"}"#,
    ])
  func refused(_ text: String) throws {
    let model = Model.random(Self.architecture)
    let path = folder.path("model.safetensors")
    try SafetensorsWriter.write(model.tensors, metadata: ["loss": text], to: path)
    let error = #expect(throws: ModelError.self) { try Model.load(path) }
    #expect(error?.description.contains("'loss'") == true)
  }

  @Test("what is acceptable clears 0.9995 at bf16 and 0.995 at int8 with every image, the fastest first")
  func acceptable() {
    let model = Model.random(Self.architecture)
    #expect(model.acceptablePrecisions == [.f32])
    func acceptable(_ bf16: Double, _ int8: Double) -> [Precision] {
      model.with(loss: loss(bf16: bf16, int8: int8)).acceptablePrecisions
    }
    #expect(acceptable(0.9995, 0.995) == [.int8, .bf16, .f32])
    #expect(acceptable(0.9995, 0.9949) == [.bf16, .f32])
    #expect(acceptable(0.9994, 0.999) == [.int8, .f32])
    #expect(acceptable(0.9994, 0.9949) == [.f32])
  }

  @Test("is the least and the mean cosine between an image's embeddings")
  func measured() throws {
    let context = try EncoderTests.context.get()
    let device = PreparedDevice(context: context, variants: .preferred(for: context.device), warnings: [])
    let model = Model.random(Self.architecture)
    let images = (0..<5).map { TissuePattern.image($0, side: 64) }
    #expect(images[0] == TissuePattern.image(0, side: 64) && images[0] != images[1])
    let measurement = try LossMeasurement(model, on: device)
    #expect(measurement.loss(source: "x") == nil)
    try measurement.add(Array(images[..<3]))
    try measurement.add(Array(images[3...]))
    let loss = try #require(measurement.loss(source: "x"))
    #expect(loss.images == 5 && loss.source == "x")
    for (precision, found) in [(Precision.bf16, loss.bf16), (.int8, loss.int8)] {
      let exact = try Encoder(model: model, context: context)
      let lower = try Encoder(model: model, context: context, precision: precision)
      let cosines = try images.map { image in
        let (a, b) = (try exact.encode([image])[0].get().normalized, try lower.encode([image])[0].get().normalized)
        return zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      }
      #expect(abs(found.minimum - (cosines.min() ?? 0)) < 3e-6)
      #expect(abs(found.mean - cosines.reduce(0, +) / 5) < 3e-6)
      #expect(found.minimum < 1)
    }
  }
}
