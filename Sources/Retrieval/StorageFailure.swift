import Foundation
import GRDB

extension ArchiveError {
  /// What an error of SQLite, met while working on the file at `path`, means for the caller.
  init(_ error: any Error, path: String) {
    if let error = error as? ArchiveError {
      self = error
      return
    }
    guard let error = error as? DatabaseError else {
      // A value that does not decode as its column's declaration says: the file was changed behind our back.
      self =
        error is RowDecodingError
        ? .damaged(path: path, reason: "\(error)") : .storage(path: path, reason: "\(error)")
      return
    }
    let reason = error.message ?? error.resultCode.description
    switch error.resultCode {
    case .SQLITE_FULL: self = .diskFull(path: path)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self = .damaged(path: path, reason: reason)
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN: self = .readOnly(path: path, reason: reason)
    case .SQLITE_IOERR where Self.isDiskFull(path): self = .diskFull(path: path)
    default: self = .storage(path: path, reason: reason)
    }
  }

  /// Some of SQLite's writes (its shared memory, the journal's growth) report a full disk as an I/O error.
  private static func isDiskFull(_ path: String) -> Bool {
    let directory = (path as NSString).deletingLastPathComponent
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: directory)
    guard let free = attributes?[.systemFreeSize] as? NSNumber else { return false }
    return free.int64Value < 1 << 20
  }
}
