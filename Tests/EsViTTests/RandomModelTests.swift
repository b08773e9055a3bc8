import Testing

@testable import EsViT

@Suite("Generated models")
struct RandomModelTests {
  @Test("random:swin-t-w7 has every tensor of Swin-T and the published number of weights")
  func swinT() throws {
    let model = try Model.load("random:swin-t-w7")
    #expect(model.architecture == Architecture.named("t", window: 7))
    #expect(model.architecture.dimension == 768)
    // timm's swin_tiny_patch4_window7_224 without its classifier.
    #expect(model.architecture.parameterCount == 27_519_354)
    for (name, shape) in model.architecture.tensorShapes {
      let tensor = try #require(model.tensors[name])
      #expect(tensor.shape == shape)
    }
    #expect(model.tensors.count == model.architecture.tensorShapes.count)
    #expect(model.fingerprint.count == 64)
  }

  @Test("windows and shifts follow the trained side", arguments: [7, 14])
  func windows(window: Int) throws {
    let architecture = try #require(Architecture.named("s", window: window))
    #expect((0..<4).map(architecture.window(stage:)) == (window == 7 ? [7, 7, 7, 7] : [14, 14, 14, 7]))
    let shifts = (0..<4).map { architecture.shift(stage: $0, block: 1) }
    #expect(shifts == (window == 7 ? [3, 3, 3, 0] : [7, 7, 0, 0]))
    #expect((0..<4).allSatisfy { architecture.shift(stage: $0, block: 0) == 0 })
  }

  @Test("an unknown variant is refused by name", arguments: ["random:swin-x-w7", "random:swin-t-w8", "random:"])
  func unknown(spec: String) {
    #expect(throws: ModelError.unknownVariant(spec)) { try Model.load(spec) }
  }
}
