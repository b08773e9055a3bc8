import Foundation
import Testing

@testable import Imaging

@Suite struct ImageRootsTests {
  /// A folder with a root and, beside it, what must stay out of reach.
  private final class Folder {
    let base: URL
    var root: String { base.appendingPathComponent("root").path }

    init() throws {
      base = FileManager.default.temporaryDirectory.appendingPathComponent("esvitd-roots-\(UUID().uuidString)")
      let files = FileManager.default
      try files.createDirectory(atPath: root + "/case 1/täglich", withIntermediateDirectories: true)
      try files.createDirectory(atPath: base.path + "/root-of-others", withIntermediateDirectories: true)
      let picture = try Fixtures.data("plain.png")
      for name in ["root/a.png", "root/case 1/täglich/b.png", "secret.png", "root-of-others/c.png"] {
        try picture.write(to: base.appendingPathComponent(name))
      }
      try files.createSymbolicLink(atPath: root + "/link.png", withDestinationPath: "a.png")
      try files.createSymbolicLink(atPath: root + "/away.png", withDestinationPath: base.path + "/secret.png")
      try files.createSymbolicLink(atPath: root + "/up", withDestinationPath: "..")
      try #require(mkfifo(root + "/fifo", 0o600) == 0)
    }

    deinit { try? FileManager.default.removeItem(at: base) }
  }

  private func decode(_ path: String, below roots: ImageRoots) async throws -> RGBImage {
    try await decoder.decode(.file(path, below: roots)).image
  }

  @Test("files below a root are read, by relative and absolute path, in sub-folders too")
  func allowed() async throws {
    let folder = try Folder()
    let roots = try ImageRoots([folder.root])
    let paths = ["a.png", "case 1/täglich/b.png", "case 1//täglich/b.png"]
    for path in paths + paths.map({ folder.root + "/" + $0 }) {
      #expect(try await decode(path, below: roots) == Gradient().image, "\(path)")
    }
  }

  @Test("a relative path is looked for in each root in turn, and a root may be given through a link")
  func severalRoots() async throws {
    let folder = try Folder()
    try FileManager.default.createSymbolicLink(atPath: folder.base.path + "/alias", withDestinationPath: "root")
    let alias = folder.base.path + "/alias"
    let roots = try ImageRoots([folder.base.path + "/root-of-others/", alias])
    for path in ["c.png", "a.png", alias + "/a.png", folder.root + "/a.png"] {
      #expect(try await decode(path, below: roots) == Gradient().image, "\(path)")
    }
  }

  @Test("nothing outside is reached: .., links, other folders, a slash in disguise")
  func forbidden() async throws {
    let folder = try Folder()
    let roots = try ImageRoots([folder.root])
    let paths = [
      "../secret.png", "case 1/../../secret.png", "case 1/../a.png", "./a.png", ".", "/", "", "a.png\0",
      folder.base.path + "/secret.png", folder.base.path + "/root-of-others/c.png", folder.root + "/../secret.png",
      folder.root, "link.png", "away.png", "up/secret.png", "up/root/a.png", "/etc/passwd", "fifo", "case 1",
      String(repeating: "a/", count: 3000) + "a.png",
    ]
    for path in paths {
      await #expect {
        _ = try await decode(path, below: roots)
      } throws: { error in
        guard case .forbiddenPath = error as? ImageError else { return false }
        return (error as? ImageError)?.kind == .unreadable
      }
    }
    // A combining mark makes one Character of the slash and itself; the system still sees a slash.
    await #expect(throws: ImageError.self) { try await decode("up/\u{301}/../secret.png", below: roots) }
    await #expect(throws: ImageError.self) { try await decode("up/\u{301}", below: roots) }
  }

  @Test("what is missing, or may not be read, is named")
  func missing() async throws {
    let folder = try Folder()
    let roots = try ImageRoots([folder.root])
    for path in ["none.png", "none/a.png", "a.png/b.png"] {
      await #expect {
        _ = try await decode(path, below: roots)
      } throws: { error in
        guard case .unreadableFile(path, let reason) = error as? ImageError else { return false }
        return !reason.isEmpty
      }
    }
    #expect(throws: ImageError.self) { try ImageRoots([folder.root, folder.root + "/none"]) }
  }

  @Test("without a root every path is refused")
  func noRoots() async throws {
    let path = Fixtures.folder.appendingPathComponent("plain.png").path
    await #expect(throws: ImageError.self) { try await decode(path, below: .none) }
  }

  @Test("a hostile path stays one line of the message")
  func message() {
    let path = "a\nb\u{1B}[31m" + String(repeating: "x", count: 5000)
    let text = ImageError.forbiddenPath(path, reason: "it is a link").description
    #expect(!text.contains("\n") && !text.contains("\u{1B}") && text.count < 500)
  }
}
