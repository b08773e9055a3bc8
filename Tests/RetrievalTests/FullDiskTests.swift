import Foundation
import OpenCL
import Testing

@testable import Retrieval

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A small file system of its own in memory.
private final class SmallDisk: Sendable {
  let url: URL

  /// - Throws: where this process may not mount.
  init(bytes: Int) throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("disk-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    guard mount("tmpfs", url.path, "tmpfs", 0, "size=\(bytes),mode=0700") == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EPERM)
    }
  }

  func remount(readOnly: Bool) -> Bool {
    let readOnlyFlag: UInt = 1
    let remountFlag: UInt = 32
    return mount("tmpfs", url.path, "tmpfs", remountFlag | (readOnly ? readOnlyFlag : 0), nil) == 0
  }

  deinit {
    let detach: Int32 = 2
    umount2(url.path, detach)
    try? FileManager.default.removeItem(at: url)
  }

  /// Whether this process may mount at all.
  static let isAllowed = (try? SmallDisk(bytes: 1 << 20)) != nil
}

@DeviceActor
@Suite("A full or read-only disk", .enabled(if: SmallDisk.isAllowed, "mounting a small disk needs root"))
struct FullDiskTests {
  @Test("an addition that fills the disk stores nothing of itself, and works once there is room")
  func fullDuringAdd() async throws {
    let disk = try SmallDisk(bytes: 6 << 20)
    let archive = try await Archive(state: disk.url, context: Fixture.context.get(), model: Fixture.model)
    _ = try await archive.create("c", dimension: 768)
    let ballast = disk.url.appendingPathComponent("ballast")
    try Data(count: 3 << 20).write(to: ballast)

    let items = Fixture.items(4_000, dimension: 768)
    var stored = 0
    var failure: ArchiveError?
    while stored < items.count, failure == nil {
      do throws(ArchiveError) {
        _ = try await archive.add(Array(items[stored..<stored + 100]), to: "c", onConflict: .error)
        stored += 100
      } catch {
        failure = error
      }
    }
    #expect(failure == .diskFull(path: disk.url.appendingPathComponent("archive.sqlite").path))
    #expect(failure?.isStorageFailure == true)

    func check() async throws {
      let truth = BruteForce(Array(items[..<stored]))
      let query = items[5].embedding
      let answer = try await archive.search("c", queries: [Query(.embedding(query))], k: 20)
      expect(try answer.only(), equals: truth.search(query, k: 20))
      #expect(answer.searched == stored)
      #expect(try await archive.count(in: "c").total == stored)
    }
    try await check()
    try FileManager.default.removeItem(at: ballast)
    #expect(
      try await archive.add(Array(items[stored..<stored + 100]), to: "c", onConflict: .error)
        == [AddOutcome](repeating: .stored, count: 100))
    stored += 100
    try await check()
  }

  @Test("a disk without room for a new archive is named, and left without half of one")
  func fullAtCreation() async throws {
    let disk = try SmallDisk(bytes: 64 << 10)
    _ = FileManager.default.createFile(
      atPath: disk.url.appendingPathComponent("ballast").path, contents: Data(count: 48 << 10))
    let path = disk.url.appendingPathComponent("archive.sqlite").path
    await #expect(throws: ArchiveError.diskFull(path: path)) {
      try await Archive(state: disk.url, context: Fixture.context.get(), model: Fixture.model)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test("a read-only state directory is named, whether empty or not", arguments: [false, true])
  func readOnly(_ hasArchive: Bool) async throws {
    let disk = try SmallDisk(bytes: 8 << 20)
    if hasArchive {
      let archive = try await Archive(state: disk.url, context: Fixture.context.get(), model: Fixture.model)
      await archive.close()
    }
    try #require(disk.remount(readOnly: true))
    let error = await #expect(throws: ArchiveError.self) {
      try await Archive(state: disk.url, context: Fixture.context.get(), model: Fixture.model)
    }
    guard case .readOnly? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
