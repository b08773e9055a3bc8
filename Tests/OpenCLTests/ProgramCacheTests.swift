import Foundation
import Testing

@testable import OpenCL

@DeviceActor
@Suite("Compiled programs are kept on disk")
struct ProgramCacheTests {
  private static let source = ProgramSource(
    name: "scale.cl", text: "__kernel void scale(__global float *a) { a[get_global_id(0)] *= FACTOR; }",
    definitions: ["FACTOR=3.0f"])

  private func result(_ source: ProgramSource = source, keptIn folder: URL) throws -> [Float] {
    let context = try Context(device: Device.select("auto"), cacheDirectory: folder)
    let buffer = try context.makeBuffer([1, 2] as [Float])
    let kernel = try context.kernel("scale", source)
    try kernel.setArguments(buffer)
    try context.queue.enqueue(kernel, global: [2])
    return try context.queue.read(buffer)
  }

  private func entry(_ source: ProgramSource = source, in folder: URL) throws -> URL {
    folder.appending(path: ProgramCache.key(source, try Device.select("auto")))
  }

  @Test("an entry is used: another program's binary under a valid seal is what runs")
  func hit() throws {
    let folder = try TemporaryDirectory()
    let other = ProgramSource(name: "scale.cl", text: Self.source.text, definitions: ["FACTOR=5.0f"])
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let binary = try Program(compiling: other, in: context).binary()
    let key = ProgramCache.key(Self.source, try Device.select("auto"))
    ProgramCache.write(binary, to: try entry(in: folder.url), key: key)
    #expect(try result(keptIn: folder.url) == [5, 10])
  }

  @Test("a damaged, shortened, empty, foreign or unreadable entry is compiled anew and replaced")
  func damage() throws {
    let folder = try TemporaryDirectory()
    let other = ProgramSource(name: "scale.cl", text: Self.source.text, definitions: ["FACTOR=5.0f"])
    #expect(try result(keptIn: folder.url) == [3, 6])
    #expect(try result(other, keptIn: folder.url) == [5, 10])
    let entry = try entry(in: folder.url)
    let sound = try Data(contentsOf: entry)
    var flipped = sound
    flipped[flipped.count / 2] ^= 1
    let foreign = try Data(contentsOf: self.entry(other, in: folder.url))
    for damaged in [flipped, sound.dropLast(), Data(), sound.prefix(20), foreign, Data("text".utf8)] {
      try damaged.write(to: entry)
      #expect(try result(keptIn: folder.url) == [3, 6])
      #expect(try Data(contentsOf: entry) != damaged)
    }
    try FileManager.default.removeItem(at: entry)
    try FileManager.default.createDirectory(at: entry, withIntermediateDirectories: true)
    #expect(try result(keptIn: folder.url) == [3, 6])
  }

  @Test("a binary that the driver refuses is compiled anew")
  func refused() throws {
    let folder = try TemporaryDirectory()
    let entry = try entry(in: folder.url)
    ProgramCache.write(
      Array("no binary at all".utf8), to: entry, key: ProgramCache.key(Self.source, try Device.select("auto")))
    #expect(try result(keptIn: folder.url) == [3, 6])
  }

  @Test("a folder that is gone costs nothing but time")
  func noFolder() throws {
    #expect(try result(keptIn: URL(filePath: "/nonexistent/programs")) == [3, 6])
  }

  @Test("source and options are in the key, the file's name is not")
  func key() throws {
    let device = try Device.select("auto")
    let sources = [
      Self.source, ProgramSource(name: "scale.cl", text: Self.source.text + " ", definitions: ["FACTOR=3.0f"]),
      ProgramSource(name: "scale.cl", text: Self.source.text, definitions: ["FACTOR=3.5f"]),
    ]
    #expect(Set(sources.map { ProgramCache.key($0, device) }).count == 3)
    let renamed = ProgramSource(name: "other.cl", text: Self.source.text, definitions: Self.source.definitions)
    #expect(ProgramCache.key(renamed, device) == ProgramCache.key(Self.source, device))
  }
}
