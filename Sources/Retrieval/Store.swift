import Foundation
import GRDB

/// The durable truth: one SQLite file under the state directory, in WAL mode with `synchronous=FULL`.
///
/// Every method runs on SQLite's own threads and never on Swift's cooperative pool. A write is one transaction: when
/// it returns, the disk has it; when it throws, nothing of it is stored. Cancelling the caller does not interrupt a
/// write, so that a commit is never left without an answer.
final class Store: Sendable {
  let path: String
  private let pool: DatabasePool
  private let lock: StateLock

  /// Opens the archive under `state`, or makes one. Blocks: call `open` from concurrent code.
  ///
  /// - Throws: `.inUse`, `.foreign`, `.newer`, `.damaged`, `.readOnly`, `.diskFull` or `.storage`.
  init(state: URL) throws(ArchiveError) {
    path = state.appendingPathComponent(ArchiveFile.name).path
    do {
      try FileManager.default.createDirectory(
        at: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .readOnly(path: state.path, reason: (error as? CocoaError)?.localizedDescription ?? "\(error)")
    }
    lock = try StateLock(directory: state)
    if !FileManager.default.fileExists(atPath: path) { try ArchiveFile.create(at: path) }
    try ArchiveFile.inspect(path)
    do {
      var configuration = Configuration()
      configuration.label = "store"
      configuration.maximumReaderCount = 4
      configuration.busyMode = .timeout(5)
      configuration.prepareDatabase { db in
        // The write-ahead log shrinks again after a large transaction.
        try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
      }
      pool = try DatabasePool(path: path, configuration: configuration)
      // GRDB sets NORMAL, under which a power cut may take back a commit that was answered.
      try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
      try Schema.migrator.migrate(pool)
    } catch {
      throw ArchiveError(error, path: path)
    }
  }

  /// `init`, off the cooperative pool.
  static func open(state: URL) async throws(ArchiveError) -> Store {
    let result: Result<Store, ArchiveError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        do throws(ArchiveError) {
          continuation.resume(returning: .success(try Store(state: state)))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  /// One read transaction: all it sees is of one moment.
  func read<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(ArchiveError) -> Value {
    // A task of its own is not cancelled with the caller.
    let task = Task { [pool] in try await pool.read(body) }
    do {
      return try await task.value
    } catch {
      throw ArchiveError(error, path: path)
    }
  }

  /// One write transaction, committed when this returns.
  func write<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(ArchiveError) -> Value {
    let task = Task { [pool] in try await pool.write(body) }
    do {
      return try await task.value
    } catch {
      throw ArchiveError(error, path: path)
    }
  }

  /// Folds the log into the file and closes it; later calls throw.
  func close() async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [pool] in
        // What a failure leaves in the log is read back at the next start.
        try? pool.close()
        continuation.resume()
      }
    }
  }
}
