import Foundation
import GRDB
import OpenCL
import Testing

@testable import Retrieval

@DeviceActor
@Suite("The file is ours alone, or left as it is")
struct StoreTests {
  private static func path(_ directory: TemporaryDirectory) -> String {
    directory.url.appendingPathComponent("archive.sqlite").path
  }

  /// An archive with one item, closed again.
  private static func closedArchive() async throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    _ = try await archive.add(Fixture.items(3), to: "c", onConflict: .error)
    await archive.close()
    return directory
  }

  /// Changes the file by another program's hand.
  private static func edit(_ directory: TemporaryDirectory, _ sql: String) throws {
    let queue = try DatabaseQueue(path: path(directory))
    try queue.writeWithoutTransaction { db in
      try db.execute(sql: sql)
      _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
    }
    try queue.close()
  }

  /// All files of the directory and their bytes, but for the lock.
  private static func bytes(_ directory: TemporaryDirectory) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.url.path) where name != "lock" {
      files[name] = try Data(contentsOf: directory.url.appendingPathComponent(name))
    }
    return files
  }

  @Test("a new archive is made below directories that are missing, readable to its owner only")
  func new() async throws {
    let directory = try TemporaryDirectory()
    let state = directory.url.appendingPathComponent("a/b")
    let archive = try await Archive(state: state, context: Fixture.context.get(), model: Fixture.model)
    #expect(try await archive.collections().isEmpty)
    let attributes = try FileManager.default.attributesOfItem(
      atPath: state.appendingPathComponent("archive.sqlite").path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(
      try FileManager.default.attributesOfItem(atPath: state.path)[.posixPermissions] as? Int == 0o700)
    let journal = try await archive.store.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
    #expect(journal == "wal")
    let application = try await archive.store.read { db in try Int.fetchOne(db, sql: "PRAGMA application_id") }
    #expect(application == 0x6573_7674)
    let synchronous = try await archive.store.write { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") }
    #expect(synchronous == 2)
  }

  @Test("a second archive on the same state directory is refused with the first one's process, until that ends")
  func exclusive() async throws {
    let directory = try TemporaryDirectory()
    do {
      let archive = try await Fixture.archive(directory)
      let error = await #expect(throws: ArchiveError.self) { try await Fixture.open(directory) }
      #expect(error == .inUse(path: directory.url.path, process: ProcessInfo.processInfo.processIdentifier))
      #expect(error?.description.contains("another esvitd") == true)
      _ = try await archive.add(Fixture.items(1), to: "c", onConflict: .error)
      await archive.close()
    }
    #expect(try await Fixture.open(directory).count(in: "c").total == 1)
  }

  @Test("what a process that is killed leaves on the disk holds every answered change")
  func killed() async throws {
    let directory = try TemporaryDirectory()
    let archive = try await Fixture.archive(directory)
    let items = Fixture.items(30)
    for (number, item) in items.enumerated() {
      _ = try await archive.add([item], to: "c", onConflict: .error)
      guard number % 10 == 9 else { continue }
      // The files as they are at this moment, the log not folded in.
      let image = try TemporaryDirectory()
      for name in ["archive.sqlite", "archive.sqlite-wal"] {
        try FileManager.default.copyItem(
          at: directory.url.appendingPathComponent(name), to: image.url.appendingPathComponent(name))
      }
      let revived = try await Fixture.open(image)
      let query = items[number].embedding
      let answer = try await revived.search("c", queries: [Query(.embedding(query))], k: 100)
      expect(try answer.only(), equals: BruteForce(Array(items[...number])).search(query, k: 100))
      await revived.close()
    }
  }

  @Test("a file of a newer version is refused and not touched")
  func newer() async throws {
    let directory = try await Self.closedArchive()
    try Self.edit(directory, "INSERT INTO grdb_migrations VALUES ('99 from the future')")
    let before = try Self.bytes(directory)
    await #expect(throws: ArchiveError.newer(path: Self.path(directory))) { try await Fixture.open(directory) }
    #expect(try Self.bytes(directory)["archive.sqlite"] == before["archive.sqlite"])
  }

  @Test(
    "collections of a file from before there was a choice of precision are f32, and new ones what they are made with")
  func precision() async throws {
    let directory = try await Self.closedArchive()
    try Self.edit(
      directory,
      "ALTER TABLE collection DROP COLUMN precision; DELETE FROM grdb_migrations WHERE identifier LIKE '2 %'")
    do {
      let folder = try await ArchiveFolder.open(directory.url)
      #expect(try await folder.precisions(ofModel: Fixture.model.fingerprint) == [.f32])
      #expect(try await folder.precisions(ofModel: "another").isEmpty)
      let archive = try await Archive(folder, context: Fixture.context.get(), model: Fixture.model)
      #expect(try await archive.create("d", precision: .int8).precision == .int8)
      #expect(try await archive.collections().map(\.precision) == [.f32, .int8])
      #expect(try await archive.checkUsable("c") == .f32)
      #expect(try await archive.count(in: "c").total == 3)
      await archive.close()
    }
    do {
      let again = try await Fixture.open(directory)
      #expect(try await again.checkUsable("d") == .int8)
      await again.close()
    }
    try Self.edit(directory, "UPDATE collection SET precision = 'f17'")
    let error = await #expect(throws: ArchiveError.self) { try await Fixture.open(directory) }
    #expect(error?.description.contains("f17") == true)
  }

  @Test("a foreign file is refused and not touched", arguments: ["database", "text", "empty"])
  func foreign(_ kind: String) async throws {
    let directory = try TemporaryDirectory()
    let path = Self.path(directory)
    switch kind {
    case "database": try Self.edit(directory, "CREATE TABLE photos (name TEXT)")
    case "text": try Data("dear diary".utf8).write(to: URL(filePath: path))
    default: try Data().write(to: URL(filePath: path))
    }
    let before = try Self.bytes(directory)
    await #expect(throws: ArchiveError.foreign(path: path)) { try await Fixture.open(directory) }
    #expect(try Self.bytes(directory) == before)
  }

  @Test("what a creation that was cut off left behind does no harm")
  func leftovers() async throws {
    let directory = try TemporaryDirectory()
    for suffix in [".new", ".new-journal"] {
      try Data("half".utf8).write(to: URL(filePath: Self.path(directory) + suffix))
    }
    let archive = try await Fixture.archive(directory)
    #expect(try await archive.add(Fixture.items(1), to: "c", onConflict: .error) == [.stored])
  }

  @Test(
    "a damaged store is refused with the reason",
    arguments: [
      ("UPDATE item SET embedding = x'00' WHERE id = '1'", "bytes"),
      ("UPDATE item SET embedding = zeroblob(64) WHERE id = '1'", "zero or not finite"),
      ("DELETE FROM item WHERE id = '1'", "record says 3"),
      ("UPDATE collection SET count = 4", "record says 4"),
    ])
  func damaged(_ sql: String, _ reason: String) async throws {
    let directory = try await Self.closedArchive()
    try Self.edit(directory, sql)
    let error = await #expect(throws: ArchiveError.self) { try await Fixture.open(directory) }
    guard case .damaged(let path, let found)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(path == Self.path(directory) && found.contains(reason), "\(found)")
  }

  @Test("a file with broken pages is refused and not answered from")
  func brokenPages() async throws {
    let directory = try await Self.closedArchive()
    let url = URL(filePath: Self.path(directory))
    var bytes = try Data(contentsOf: url)
    for index in 8192..<bytes.count { bytes[index] = 0xa5 }
    try bytes.write(to: url)
    let error = await #expect(throws: ArchiveError.self) { try await Fixture.open(directory) }
    guard case .damaged? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a state path that cannot be made is refused with the reason")
  func unusablePath() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.url.appendingPathComponent("file")
    try Data().write(to: file)
    await #expect(throws: ArchiveError.self) {
      try await Archive(
        state: file.appendingPathComponent("state"), context: Fixture.context.get(), model: Fixture.model)
    }
  }

  @Test("a change made behind the archive's back is noticed: the next search answers what the store holds")
  func behindTheBack() async throws {
    let directory = try TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let archive = try await Fixture.archive(directory)
    let items = Fixture.items(50)
    _ = try await archive.add(items, to: "c", onConflict: .error)
    let query = Query(.embedding(items[7].embedding))
    #expect(try await archive.search("c", queries: [query], k: 1).only().neighbours[0].item.description.id == "7")
    try await archive.store.write { db in
      try db.execute(
        sql: """
          DELETE FROM item WHERE id = '7';
          UPDATE collection SET count = count - 1, revision = revision + 1
          """)
    }
    let answer = try await archive.search("c", queries: [query], k: 50)
    var truth = BruteForce(items)
    truth.vectors.remove(at: 7)
    truth.ids.remove(at: 7)
    expect(try answer.only(), equals: truth.search(items[7].embedding, k: 50))
    #expect(answer.searched == 49)
    // The copy is in step again and goes on from there.
    #expect(try await archive.add([items[7]], to: "c", onConflict: .error) == [.stored])
    #expect(try await archive.search("c", queries: [query], k: 50).searched == 50)
  }
}
