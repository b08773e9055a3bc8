import Foundation
import Testing

@testable import EsViT

@Suite("Safetensors")
struct SafetensorsTests {
  private func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { Array($0) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
  }

  private func read(_ bytes: [UInt8]) throws -> Checkpoint {
    try SafetensorsReader.open(try ModelFile(path: try folder.write(bytes)))
  }

  /// A header's entry for a row of floats.
  private static func f32(_ name: String, _ start: Int, _ end: Int) -> String {
    #""\#(name)":{"dtype":"F32","shape":[\#((end - start) / 4)],"data_offsets":[\#(start),\#(end)]}"#
  }

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(
    "a header that breaks the format is refused with the reason",
    arguments: [
      ("{" + Self.f32("a", 0, 8) + "," + Self.f32("b", 4, 12) + "}", "overlaps"),
      ("{" + Self.f32("a", 0, 4) + "," + Self.f32("b", 8, 12) + "}", "gap"),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "belong to no tensor"),
      (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "are not in the 12 bytes"),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}"#, "are not in the 12 bytes"),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[-12,0]}}"#, "of sizes"),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,9223372036854775808]}}"#, "of sizes"),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,1.2e1]}}"#, "of sizes"),
      (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,12]}}"#, "12 bytes do not make F32 [4]"),
      (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}"#, "0 bytes do not make"),
      (#"{"a":{"dtype":"X9","shape":[3],"data_offsets":[0,12]}}"#, "unknown dtype 'X9'"),
      ("{" + Self.f32("a", 0, 12) + "," + Self.f32("a", 0, 12) + "}", "'a' is there twice"),
      (#"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "'a' is no string"),
      (#"{"a":{"dtype":"F32","shape":[3]}}"#, "of sizes"),
      (#"{"a":[[[[[[[[[[[[]]]]]]]]]]]]}"#, "nested deeper"),
      (#"[]"#, "no JSON object"), (#"{"a":"#, "no JSON value"), (#"{} {}"#, "something follows"), ("", "no JSON value"),
      ("{\"\\ud800\":1}", "surrogate"), ("{\"a\":01e}", "no JSON value"),
    ])
  func refused(header: String, reason: String) throws {
    let error = #expect(throws: ModelError.self) { try read(file(header, data: 12)) }
    #expect(try #require(error).description.contains(reason))
  }

  @Test(
    "a header length beyond the file or beyond reason is refused before anything is allocated",
    arguments: [UInt64(1) << 63, .max, 1 << 40, 1000, 17 << 20])
  func length(length: UInt64) throws {
    let error = #expect(throws: ModelError.self) { try read(file("{}", length: length)) }
    #expect(try #require(error).description.contains("\(length) bytes"))
  }

  @Test("shorter than its length field")
  func short() throws {
    #expect(throws: ModelError.self) { try read([1, 2, 3]) }
  }

  @Test("tensors that nobody needs may be of any type, scalars and empty ones too")
  func tolerated() throws {
    let header = #"""
      { "s" : {"dtype":"I64","shape":[],"data_offsets":[0,8]}, "e":{"dtype":"F64","shape":[0,3],"data_offsets":[8,8]},
        "\u00e9\ud83d\ude00\n" : {"dtype":"BOOL","shape":[4],"data_offsets":[8,12]}, "__metadata__": {"k":"v\"\\"} }
      """#
    let checkpoint = try read(file(header, data: 12))
    #expect(checkpoint.tensors.keys.sorted() == ["e", "s", "é😀\n"])
    #expect(checkpoint.metadata == ["k": "v\"\\"])
  }

  @Test("what is written reads back, byte for byte and word for word, and the same model writes the same file")
  func roundTrip() throws {
    let tensors = [
      "a": try #require(Tensor(shape: [3], dtype: .f16, bytes: [1, 2, 3, 4, 5, 6])),
      "b": try #require(Tensor(shape: [2, 1], floats: [1.5, -.pi])),
      "c": try #require(Tensor(shape: [0], dtype: .bf16, bytes: [])),
    ]
    let metadata = ["source": "a \"quoted\" \\ path\n\u{1}é", "z": ""]
    let path = folder.path("a.safetensors")
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
    let checkpoint = try SafetensorsReader.open(try ModelFile(path: path))
    #expect(checkpoint.metadata == metadata)
    #expect(checkpoint.tensors.count == 3)
    for (name, stored) in checkpoint.tensors {
      #expect(try stored.read(name: name, from: checkpoint.file) == tensors[name])
    }
    let first = try Data(contentsOf: URL(filePath: path))
    try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
    #expect(try Data(contentsOf: URL(filePath: path)) == first)
    #expect(try folder.names() == ["a.safetensors"])
  }

  @Test("a file that cannot be written leaves nothing behind")
  func unwritable() throws {
    #expect(throws: ModelError.unwritable(file: folder.path("none/a"), reason: "No such file or directory")) {
      try SafetensorsWriter.write([:], metadata: [:], to: folder.path("none/a"))
    }
    // A folder in the file's place: the rename is what fails.
    let taken = folder.path("taken")
    try FileManager.default.createDirectory(atPath: taken + "/inside", withIntermediateDirectories: true)
    #expect(throws: ModelError.self) { try SafetensorsWriter.write([:], metadata: [:], to: taken) }
    #expect(try folder.names() == ["taken"])
  }

  @Test("bf16, f16 and f32 become the floats that they are")
  func floats() throws {
    let brain = Tensor(shape: [2], dtype: .bf16, bytes: [0x80, 0x3F, 0x49, 0xC0])
    #expect(try #require(brain).floats() == [1, -3.140625])
    #expect(try #require(Tensor(shape: [2], dtype: .f16, bytes: [0, 0x3C, 1, 0])).floats() == [1, 5.9604645e-08])
    #expect(try #require(Tensor(shape: [1], dtype: .f32, bytes: [0, 0, 0x80, 0x3F])).floats() == [1])
    #expect(Tensor(shape: [2], dtype: .f32, bytes: [0]) == nil)
    #expect(Tensor(shape: [.max, .max], dtype: .f32, bytes: []) == nil)
  }
}
