import Foundation
import Testing

@Suite("esvitd convert")
struct ConvertTests {
  private func convert(_ arguments: String...) async throws -> (ending: Ending, output: String, errors: String) {
    let child = try Child([Built.esvitd, "convert"] + arguments)
    let ending = try await child.ended()
    return (ending, child.output, child.errors)
  }

  private func checkpoint(_ name: String) -> String {
    Built.root.appendingPathComponent("Tests/Fixtures/checkpoints/\(name)").path
  }

  private func fingerprint(_ output: String) -> Substring? {
    output.split(separator: "\n").last?.split(separator: " ").last
  }

  @Test("a .pth becomes safetensors that says what it is; converted again it is the same file")
  func converts() async throws {
    let folder = try Folder()
    let (once, twice) = (folder.file("once.safetensors"), folder.file("twice.safetensors"))
    let first = try await convert(
      checkpoint("original.pth"), once, "--license", "MIT", "--date", "2024-05-06", "--std", "0.5,0.5,0.5",
      "--no-measure")
    #expect(first.ending == .exit(0), "\(first.errors)")
    let second = try await convert(once, twice, "--no-measure")
    #expect(second.ending == .exit(0), "\(second.errors)")
    #expect(fingerprint(first.output)?.count == 64)
    #expect(fingerprint(first.output) == fingerprint(second.output))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: once))
    #expect(try Data(contentsOf: URL(fileURLWithPath: twice)) == bytes)
    let start = String(decoding: bytes.prefix(1000), as: UTF8.self)
    for words in [#""date":"2024-05-06""#, #""license":"MIT""#, #""source":"original.pth""#, #"\"std\":[0.5,0.5,0.5]"#]
    {
      #expect(start.contains(words))
    }
  }

  @Test("a checkpoint that would run a command ends with its name, and nothing is run or written")
  func refuses() async throws {
    let folder = try Folder()
    let result = try await convert(checkpoint("malicious.pth"), folder.file("out.safetensors"))
    #expect(result.ending == .exit(1))
    #expect(result.errors.contains("'posix.system'"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  @Test("a target that is no safetensors is a mistake of usage, so that a checkpoint is not overwritten")
  func usage() async throws {
    let result = try await convert(checkpoint("original.pth"), checkpoint("student.pth"))
    #expect(result.ending == .exit(64))
    #expect(result.errors.contains("must end in .safetensors"))
  }

  @Test("measures the loss of lower precisions into the header: in place, on given images or generated ones")
  func measures() async throws {
    let folder = try Folder()
    let file = folder.file("model.safetensors")
    let plain = try await convert(Built.model, file, "--no-measure")
    #expect(plain.ending == .exit(0), "\(plain.errors)")
    let images = try folder.folder("tiles")
    for seed in 0..<3 { try Picture.png(seed: seed).write(to: URL(fileURLWithPath: "\(images)/\(seed).png")) }
    try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(images)/3.png"))
    let measured = try await convert(file, file, "--images", images, "--device", "cpu")
    #expect(measured.ending == .exit(0), "\(measured.errors)")
    #expect(measured.errors.contains("Left out: 3.png"))
    #expect(fingerprint(measured.output) == fingerprint(plain.output))
    let start = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)).prefix(2000), as: UTF8.self)
    #expect(start.contains(#"\"images\":3,"#) && start.contains(#"\"source\":\"tiles\""#))
    #expect(measured.output.contains("on 3 images of tiles"))

    let none = try await convert(file, file, "--images", folder.folder("empty"))
    #expect(none.ending != .exit(0) && none.errors.contains("could be read"))
  }
}
