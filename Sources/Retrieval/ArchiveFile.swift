import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The SQLite file of an archive: made at once or not at all, and looked at before anything may touch it.
enum ArchiveFile {
  static let name = "archive.sqlite"
  /// `esvt`, in the file's header.
  static let applicationID: Int32 = 0x6573_7674
  /// The state directory's file; 768 numbers a row leave two rows a page.
  private static let pageSize = 8192

  /// Makes a new, empty archive at `path` under a passing name, so that a crash leaves none rather than half of one.
  static func create(at path: String) throws(ArchiveError) {
    let passing = path + ".new"
    for suffix in ["", "-journal", "-wal", "-shm"] { unlink(passing + suffix) }
    let descriptor = open(passing, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw systemFailure(errno, path: passing) }
    close(descriptor)
    do {
      var configuration = Configuration()
      configuration.prepareDatabase { db in
        try db.execute(sql: "PRAGMA page_size = \(pageSize); PRAGMA synchronous = FULL")
      }
      let queue = try DatabaseQueue(path: passing, configuration: configuration)
      try queue.write { db in
        try db.execute(sql: "PRAGMA application_id = \(applicationID)")
      }
      try Schema.migrator.migrate(queue)
      try queue.close()
    } catch {
      unlink(passing)
      throw ArchiveError(error, path: path)
    }
    guard rename(passing, path) == 0 else { throw systemFailure(errno, path: path) }
    let directory = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }

  /// Reads the header and the list of migrations without writing a byte.
  ///
  /// - Throws: `.foreign`, `.newer`, `.damaged` or `.readOnly`.
  static func inspect(_ path: String) throws(ArchiveError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemFailure(errno, path: path) }
    var header = [UInt8](repeating: 0, count: 100)
    let count = pread(descriptor, &header, header.count, 0)
    close(descriptor)
    guard count == header.count, header.starts(with: Array("SQLite format 3\0".utf8)) else {
      throw .foreign(path: path)
    }
    // "Application ID", 4 bytes, big-endian: https://www.sqlite.org/fileformat2.html
    let found = header[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard found == UInt32(bitPattern: applicationID) else { throw .foreign(path: path) }

    let applied: Set<String>
    do {
      var configuration = Configuration()
      configuration.readonly = true
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      applied = try queue.read { db in try Schema.migrator.appliedIdentifiers(db) }
      try queue.close()
    } catch {
      throw ArchiveError(error, path: path)
    }
    guard applied.isSubset(of: Schema.migrator.migrations) else { throw .newer(path: path) }
  }
}
