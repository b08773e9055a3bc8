import Foundation
import OpenCL
import Operators
import Testing

@testable import EsViT

/// Embeddings against timm's Swin in double precision (Tests/Fixtures/parity.py), and the shipped model's against the
/// NumPy specification.
@DeviceActor
@Suite("Embeddings equal those of independent implementations")
struct ParityTests {
  /// Bars of the un-normalised embedding: the largest absolute difference over its largest magnitude, and the cosine.
  static let largestError: Float = 2e-4
  static let smallestCosine = 0.99999

  private static func agree(_ values: [Float], _ truth: [Float]) -> Bool {
    relativeError(values, truth) <= largestError && cosine(values, truth) >= smallestCosine
  }

  /// Un-normalised embeddings of a fixture's images. Their 224 pixels pass the preprocessing unchanged.
  private func embeddings(_ model: Model, _ fixture: ParityFixture) throws -> [[Float]] {
    let encoder = try Encoder(
      model: model.with(preprocessing: Preprocessing(resize: fixture.side, crop: fixture.side)),
      context: EncoderTests.context.get(), maximumBatch: fixture.images.count)
    let images = fixture.images.map { RGB8Image.noise($0, width: fixture.side, height: fixture.side) }
    return try encoder.encode(images).map { try $0.get().raw }
  }

  private func check(_ file: String) throws {
    let fixture: ParityFixture = try Fixture.json("parity/\(file).json")
    // Else a wrong attention could pass as an average.
    #expect(try #require(fixture.entropy) < 0.7)
    let answers = try embeddings(try Model.load(fixture.model), fixture)
    for (answer, truth) in zip(answers, fixture.embeddings) {
      #expect(relativeError(answer, truth.values) <= Self.largestError)
      #expect(cosine(answer, truth.values) >= Self.smallestCosine)
    }
  }

  @Test("Swin-T with window 7")
  func swinT() throws { try check("swin-t-w7") }

  @Test(
    "Swin-S, Swin-B and window 14",
    .enabled(if: ProcessInfo.processInfo.environment["ESVIT_TEST_ALL"] != nil),
    arguments: ["swin-s-w7", "swin-b-w7", "swin-t-w14", "swin-s-w14", "swin-b-w14"])
  func others(file: String) throws { try check(file) }

  @Test("the shipped model")
  func shipped() throws {
    let fixture: ParityFixture = try Fixture.json("shipped.json")
    let model = try Model.load(Fixture.package.appending(path: fixture.model).path)
    for (answer, truth) in zip(try embeddings(model, fixture), fixture.embeddings) {
      #expect(relativeError(answer, truth.values) <= Self.largestError)
      #expect(cosine(answer, truth.values) >= Self.smallestCosine)
    }
  }

  @Test(
    "an implementation with a planted fault would not pass",
    arguments: ["bias table transposed", "shift sign", "merge order", "eps 1e-5"])
  func faultShows(fault: String) throws {
    let fixture: ParityFixture = try Fixture.json("parity/swin-t-w7.json")
    let truth = try #require(fixture.embeddings.first).values
    let faulty = try #require(fixture.faults?[fault]).values
    #expect(!Self.agree(faulty, truth))
    // By a margin: not a fault that rounding could hide.
    #expect(relativeError(faulty, truth) > 10 * Self.largestError)
  }

  /// Two of the faults can be planted in the weights: then this encoder must fail the test too, and answer what timm
  /// answers with the same fault.
  @Test("planted in this encoder, a fault fails it", arguments: ["bias table transposed", "merge order"])
  func faultFails(fault: String) throws {
    let fixture: ParityFixture = try Fixture.json("parity/swin-t-w7.json")
    let model = try Model.load(fixture.model)
    let faulty = Model(
      name: fault, architecture: model.architecture, preprocessing: model.preprocessing,
      tensors: try model.tensors.reduce(into: [:]) { $0[$1.key] = try plant(fault, in: $1.value, name: $1.key) },
      header: [:])
    let answer = try #require(try embeddings(faulty, fixture).first)
    #expect(!Self.agree(answer, try #require(fixture.embeddings.first).values))
    #expect(Self.agree(answer, try #require(fixture.faults?[fault]).values))
  }

  private func plant(_ fault: String, in tensor: Tensor, name: String) throws -> Tensor {
    let values = tensor.floats()
    let row = try #require(tensor.shape.last)
    let rows = stride(from: 0, to: values.count, by: row).map { Array(values[$0..<$0 + row]) }
    var planted = rows
    if fault == "bias table transposed", name.hasSuffix("relative_position_bias_table") {
      planted = rows.reversed()  // Δ = key − query
    } else if fault == "merge order", name.contains(".downsample.") {
      let quarter = row / 4  // (0,0), (0,1), (1,0), (1,1)
      planted = rows.map { row in [0, 2, 1, 3].flatMap { row[$0 * quarter..<($0 + 1) * quarter] } }
    }
    return try #require(Tensor(shape: tensor.shape, floats: planted.flatMap { $0 }))
  }
}

func cosine(_ a: [Float], _ b: [Float]) -> Double {
  guard a.count == b.count else { return .nan }
  func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
  return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}
