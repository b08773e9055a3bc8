import Foundation
import Testing

@testable import EsViT

@Suite("Model files")
struct ModelFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let small = Architecture(embedDimension: 8, depths: [1, 2], heads: [1, 2], window: 7)

  @Test("a converted checkpoint keeps fingerprint, weights and words, and follows its preprocessing")
  func converted() throws {
    let original = try Model.load(Fixture.path("checkpoints/original.pth"))
    let path = folder.path("converted.safetensors")
    let words = ["source": "original.pth", "date": "2026-11-24", "license": "MIT"]
    try original.with(header: words).write(to: path)
    let converted = try Model.load(path)
    #expect(converted.fingerprint == original.fingerprint)
    #expect(converted.tensors == original.tensors)
    #expect(converted.header == words)
    #expect(converted.name == "converted")

    let other = Preprocessing(resize: 300, crop: 160, mean: [0.1, 0.25, 1e-5], std: [1, 0.333, 12345.678])
    try converted.with(preprocessing: other).write(to: path)
    let followed = try Model.load(path)
    #expect(followed.preprocessing == other)
    #expect(followed.fingerprint == converted.with(preprocessing: other).fingerprint)
    #expect(followed.fingerprint != converted.fingerprint)
  }

  @Test(
    "a header that says something unusable is refused by its key",
    arguments: [
      ("preprocessing", "{}"), ("preprocessing", #"{"crop":224,"mean":[0,0],"resize":256,"std":[1,1,1]}"#),
      ("preprocessing", #"{"crop":224,"mean":[0,0,0],"resize":256,"std":[1,0,1]}"#),
      ("preprocessing", #"{"crop":224,"mean":[0,0,0],"resize":100,"std":[1,1,1]}"#),
      ("preprocessing", #"{"crop":1000000000,"mean":[0,0,0],"resize":1000000000,"std":[1,1,1]}"#),
      ("architecture", "swin"),
      (
        "architecture",
        #"{"depths":[1,2],"embed_dimension":8,"heads":[1,4],"patch_size":4,"trained_side":224,"window":7}"#
      ),
    ])
  func header(key: String, value: String) throws {
    let path = folder.path("a.safetensors")
    try SafetensorsWriter.write(RandomWeights.tensors(for: Self.small), metadata: [key: value], to: path)
    let error = #expect(throws: ModelError.self) { try Model.load(path) }
    guard case .header(path, key, _) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(
    "every architecture is read from the shapes of its tensors",
    arguments: [
      Architecture(embedDimension: 8, depths: [2, 2, 6, 2], heads: [1, 2, 4, 8], window: 7),
      Architecture(embedDimension: 4, depths: [1, 1, 3, 1], heads: [1, 1, 2, 4], window: 14),
      Architecture(embedDimension: 4, depths: [1, 1, 1, 1], heads: [1, 1, 1, 1], window: 12, trainedSide: 384),
      Architecture(embedDimension: 4, depths: [1, 1, 1], heads: [1, 1, 1], window: 7, trainedSide: 96),
      Architecture(embedDimension: 4, depths: [2], heads: [2], window: 7),
    ])
  func architectures(architecture: Architecture) throws {
    let path = folder.path("a.safetensors")
    try SafetensorsWriter.write(RandomWeights.tensors(for: architecture), metadata: [:], to: path)
    let model = try Model.load(path)
    #expect(model.architecture == architecture)
    #expect(model.preprocessing.crop == architecture.trainedSide)
  }

  @Test("where the shapes leave the trained side open, the header says it")
  func trainedSide() throws {
    let architecture = Architecture(
      embedDimension: 4, depths: [1, 1], heads: [1, 2], window: 8, patchSize: 2, trainedSide: 32)
    let path = folder.path("a.safetensors")
    try Model.random(architecture).write(to: path)
    #expect(try Model.load(path).architecture == architecture)
  }

  @Test("the shipped model loads, says what it is, and is found from the build folder")
  func shipped() throws {
    let place = try Model.defaultLocation(
      program: Fixture.package.path + "/.build/x86_64-unknown-linux-gnu/debug/esvitd", environment: [:])
    #expect(place == Fixture.package.path + "/Models/swin-c32-w7.safetensors")
    let model = try Model.load(place)
    #expect(
      model.architecture
        == Architecture(embedDimension: 32, depths: [2, 2, 6, 2], heads: [1, 2, 4, 8], window: 7))
    #expect(model.preprocessing == Preprocessing())
    for key in ["source", "date", "license"] { #expect(model.header[key]?.isEmpty == false) }
  }

  @Test("the default model is looked for in the environment, beside the program and nowhere by surprise")
  func location() throws {
    let share = folder.path("share/esvitd")
    try FileManager.default.createDirectory(atPath: share, withIntermediateDirectories: true)
    for name in ["b.safetensors", "a.safetensors", "0.txt"] {
      try Data().write(to: URL(filePath: share + "/" + name))
    }
    let program = folder.path("bin/esvitd")
    #expect(try Model.defaultLocation(program: program, environment: [:]) == share + "/a.safetensors")
    #expect(
      try Model.defaultLocation(program: program, environment: ["ESVIT_MODEL": "random:swin-t-w7"])
        == "random:swin-t-w7")
  }
}
