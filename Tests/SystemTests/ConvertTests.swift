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
      checkpoint("original.pth"), once, "--license", "MIT", "--date", "2024-05-06", "--std", "0.5,0.5,0.5")
    #expect(first.ending == .exit(0), "\(first.errors)")
    let second = try await convert(once, twice)
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
}
