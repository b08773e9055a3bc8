import Foundation
import OpenCL
import Operators
import Testing

@testable import EsViT

/// Resizing and cropping against Pillow and torchvision (Tests/Fixtures/preprocessing.py).
@DeviceActor
@Suite("Preprocessing equals Pillow's and torchvision's")
struct PreprocessingParityTests {
  private struct Cases: Decodable {
    /// The name of the images for `RGB8Image.noise`.
    let image: String
    /// `pixels` has every `step`th pixel of every `step`th row.
    let step: Int
    let cases: [Case]
  }

  private struct Case: Decodable {
    let width: Int
    let height: Int
    /// `[rows, columns, 3]`
    let pixels: Data
    let generated: FloatArray
    let shipped: FloatArray

    enum CodingKeys: String, CodingKey {
      case width, height, pixels, shipped
      case generated = "swin-t-w7"
    }
  }

  private let fixture: Cases

  init() throws { fixture = try Fixture.json("preprocessing.json") }

  private func image(_ test: Case) -> RGB8Image { .noise(fixture.image, width: test.width, height: test.height) }

  @Test("crops of images of every shape are Pillow's, bit for bit")
  func pixels() throws {
    let context = try EncoderTests.context.get()
    let preprocess = try Preprocess(context: context, resize: 256, crop: 224, patch: 4, variant: .portable)
    let patches = try context.makeBuffer(Float.self, count: preprocess.patchCount)
    for test in fixture.cases {
      try preprocess.enqueue([image(test)], patches: patches)
      let values = try context.queue.read(patches, count: preprocess.patchCount)
      preprocess.reset()
      let places = Array(stride(from: 0, to: 224, by: fixture.step))
      var crop: [Float] = []
      for i in test.pixels.indices {
        let (y, x) = (places[i / 3 / places.count], places[i / 3 % places.count])
        // Patches of 4 × 4 pixels, 56 a row, each in the order row, column, channel.
        crop.append(values[((y / 4 * 56 + x / 4) * 16 + y % 4 * 4 + x % 4) * 3 + i % 3])
      }
      // The bar is a mean difference of half a level; integer weights as in Pillow leave none.
      #expect(crop == test.pixels.map { Float($0) }, "\(test.width) × \(test.height)")
    }
  }

  @Test("embeddings of these images are those of timm and of the NumPy specification on Pillow's crops")
  func embeddings() throws {
    let context = try EncoderTests.context.get()
    let models = [
      (try Model.load("random:swin-t-w7"), \Case.generated),
      (try Model.load(Fixture.package.appending(path: "Models/swin-c32-w7.safetensors").path), \Case.shipped),
    ]
    for (model, truth) in models {
      // The larger model sees every third one: the shapes differ, its way does not.
      let cases = stride(from: 0, to: fixture.cases.count, by: truth == \Case.generated ? 3 : 1).map {
        fixture.cases[$0]
      }
      let encoder = try Encoder(model: model, context: context, maximumBatch: cases.count)
      for (test, answer) in zip(cases, try encoder.encode(cases.map(image))) {
        #expect(cosine(try answer.get().raw, test[keyPath: truth].values) >= 0.999, "\(test.width) × \(test.height)")
      }
    }
  }
}
