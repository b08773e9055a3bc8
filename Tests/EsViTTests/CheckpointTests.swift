import Foundation
import Testing

@testable import EsViT

/// Files that PyTorch and the safetensors library wrote (Tests/Fixtures/checkpoints.py).
@Suite("Checkpoints as others write them")
struct CheckpointTests {
  private struct Expected: Decodable {
    let f32: String
    let f16: String
    let student: String
  }

  private static let small = Architecture(embedDimension: 8, depths: [1, 2], heads: [1, 2], window: 7)

  private func expected() throws -> Expected { try Fixture.json("checkpoints/expected.json") }

  private func load(_ name: String, weights: Weights? = nil) throws -> Model {
    try Model.load(Fixture.path("checkpoints/\(name)"), weights: weights)
  }

  @Test(
    "the same weights have the same fingerprint in every form, and it is the one worked out in Python",
    arguments: [
      "original.pth", "protocol4.pth", "parameters.pth", "timm.pth", "library.safetensors",
      "legacy.pth", "legacy-parameters.pth",
    ])
  func forms(name: String) throws {
    let model = try load(name)
    #expect(model.fingerprint == (try expected().f32))
    #expect(model.architecture == Self.small)
    #expect(model.preprocessing == Preprocessing())
    #expect(model.tensors == RandomWeights.tensors(for: Self.small))
  }

  @Test("half precision is kept as it is")
  func half() throws {
    let model = try load("half.safetensors")
    #expect(model.fingerprint == (try expected().f16))
    #expect(model.tensors["norm.weight"]?.dtype == .f16)
    let full = try #require(RandomWeights.tensors(for: Self.small)["norm.weight"])
    #expect(model.tensors["norm.weight"]?.floats() == full.floats().map { Float(Float16($0)) })
  }

  @Test("the teacher is taken by default, the student on request or where it is alone")
  func networks() throws {
    let student = try expected().student
    #expect(try load("original.pth", weights: .student).fingerprint == student)
    #expect(try load("student.pth").fingerprint == student)
    #expect(throws: ModelError.self) { try load("student.pth", weights: .teacher) }
    #expect(throws: ModelError.self) { try load("library.safetensors", weights: .teacher) }
  }

  @Test(
    "a pickle that would run a command is refused by the command's name",
    arguments: [
      "malicious.pth", "malicious4.pth", "malicious-legacy.pth",
    ])
  func malicious(name: String) throws {
    let path = Fixture.path("checkpoints/\(name)")
    #expect(throws: ModelError.forbidden(file: path, global: "posix.system")) { try Model.load(path) }
    #expect(!FileManager.default.fileExists(atPath: "was-run"))
  }

  @Test("what is no model file is refused with the reason")
  func unknown() throws {
    let folder = try TemporaryFolder()
    let cases: [(bytes: [UInt8], word: String)] = [
      ([], "it is empty"), (Array("PK\u{3}".utf8), "neither"), (Array("hello, this is text".utf8), "neither"),
      ([0x80, 2, 0x4E, 0x2E], "torch.save did not write"),
    ]
    for (bytes, word) in cases {
      let error = #expect(throws: ModelError.self) { try Model.load(try folder.write(bytes)) }
      #expect(try #require(error).description.contains(word))
    }
    let missing = folder.path("none.pth")
    #expect(throws: ModelError.unreadable(file: missing, reason: "No such file or directory")) {
      try Model.load(missing)
    }
    #expect(throws: ModelError.unreadable(file: folder.path(""), reason: "it is not a regular file")) {
      try Model.load(folder.path(""))
    }
  }

  @Test("a file cut short anywhere is an error", arguments: ["original.pth", "legacy.pth", "library.safetensors"])
  func truncated(name: String) throws {
    let folder = try TemporaryFolder()
    let bytes = Array(try Data(contentsOf: URL(filePath: Fixture.path("checkpoints/\(name)"))))
    for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 97)) + [bytes.count - 1] {
      let path = try folder.write(Array(bytes[..<length]))
      #expect(throws: ModelError.self, "\(length) bytes") { try Model.load(path) }
    }
  }

  @Test(
    "a flipped bit is an error or another model, never a crash",
    arguments: ["student.pth", "legacy.pth", "library.safetensors"])
  func flipped(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = Array(try Data(contentsOf: URL(filePath: Fixture.path("checkpoints/\(name)"))))
    let reference = try load(name).fingerprint
    let noise = NoiseStream("flips")
    // Structure is at the start (pickle, header) and at the end (zip directory).
    let places = (0..<400).map { Int(noise.bits(at: $0) % 6000) } + (0..<200).map { whole.count - 1 - $0 * 11 }
    for (i, place) in places.enumerated() {
      var bytes = whole
      bytes[place] ^= 1 << UInt8(noise.bits(at: 1000 + i) % 8)
      let path = try folder.write(bytes)
      do {
        let model = try Model.load(path)
        #expect(model.architecture == Self.small || model.fingerprint != reference)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
  }

  @Test("a shape, a stride or an offset beyond its storage is an error that names the tensor")
  func outOfStorage() throws {
    let folder = try TemporaryFolder()
    let bytes = Array(try Data(contentsOf: URL(filePath: Fixture.path("checkpoints/student.pth"))))
    // BININT1 8, 3, 4, 4 and TUPLE: the projection's shape; then its strides 48, 16, 4, 1.
    let shape: [UInt8] = [0x28, 0x4B, 8, 0x4B, 3, 0x4B, 4, 0x4B, 4, 0x74]
    let strides: [UInt8] = [0x28, 0x4B, 48, 0x4B, 16, 0x4B, 4, 0x4B, 1, 0x74]
    let changes: [(find: [UInt8], at: Int, value: UInt8)] = [(shape, 2, 9), (strides, 2, 49), (strides, 2, 255)]
    for (find, at, value) in changes {
      var changed = bytes
      let found = try #require(bytes.firstRange(of: find))
      changed[found.lowerBound + at] = value
      let path = try folder.write(changed)
      let error = #expect(throws: ModelError.self) { try Model.load(path) }
      #expect(try #require(error).description.contains("module.backbone.patch_embed.proj.weight"))
    }
  }

  @Test("a missing or misshapen tensor is named")
  func incomplete() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let tensors = RandomWeights.tensors(for: Self.small)
    for name in Self.small.tensorShapes.map(\.name) {
      var fewer = tensors
      fewer[name] = nil
      try SafetensorsWriter.write(fewer, metadata: [:], to: path)
      let error = #expect(throws: ModelError.self) { try Model.load(path) }
      // Without its one block, a stage is told by the first tensor that is looked for there.
      #expect(try #require(error).description.contains("'\(name)'"))

      var wrong = tensors
      let count = try #require(tensors[name]).count
      wrong[name] = Tensor(shape: [1, count + 1], floats: .init(repeating: 0, count: count + 1))
      try SafetensorsWriter.write(wrong, metadata: [:], to: path)
      #expect(throws: ModelError.self) { try Model.load(path) }
    }
  }

  @Test("two tensors that differ by prefixes alone are refused")
  func ambiguous() throws {
    let folder = try TemporaryFolder()
    var tensors = RandomWeights.tensors(for: Self.small)
    tensors["module.norm.weight"] = tensors["norm.weight"]
    let path = folder.path("model.safetensors")
    try SafetensorsWriter.write(tensors, metadata: [:], to: path)
    let error = #expect(throws: ModelError.self) { try Model.load(path) }
    #expect(try #require(error).description.contains("norm.weight"))
  }
}
