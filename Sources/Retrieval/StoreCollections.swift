import Foundation
import GRDB
import Operators

/// A collection as the store knows it.
struct CollectionRecord: Sendable, Equatable {
  var key: Int64
  var name: String
  var dimension: Int
  var modelFingerprint: String
  var modelName: String
  /// The precision at which its images are encoded.
  var precision: Precision
  var count: Int
  var bytes: Int
  /// Grows with every transaction that changes the collection.
  var revision: Int64
}

extension Store {
  /// All collections, by name.
  func collections() async throws(ArchiveError) -> [CollectionRecord] {
    try await read { db in
      try Row.fetchAll(db, sql: CollectionRecord.selection + " ORDER BY collection.name").map(CollectionRecord.init)
    }
  }

  /// Makes an empty collection of `dimension` numbers an embedding, for embeddings of `model` at `precision`.
  ///
  /// - Throws: `.collectionExists`.
  func create(
    _ name: String, dimension: Int, model: ModelIdentity, precision: Precision
  ) async throws(ArchiveError) -> CollectionRecord {
    let header = try jsonText(model.header)
    return try await write { db in
      guard try Bool.fetchOne(db, sql: "SELECT TRUE FROM collection WHERE name = ?", arguments: [name]) == nil else {
        throw ArchiveError.collectionExists(name)
      }
      try db.execute(
        sql: "INSERT INTO model (fingerprint, name, dimension, header) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        arguments: [model.fingerprint, model.name, model.dimension, header])
      try db.execute(
        sql: """
          INSERT INTO collection (name, model, dimension, precision)
          SELECT ?, key, ?, ? FROM model WHERE fingerprint = ?
          """,
        arguments: [name, dimension, precision.rawValue, model.fingerprint])
      return try CollectionRecord.fetch(db, key: db.lastInsertedRowID)
    }
  }

  /// Removes the collection and everything in it.
  func drop(_ key: Int64) async throws(ArchiveError) {
    try await write { db in
      try db.execute(
        sql: "DELETE FROM thumbnail WHERE row IN (SELECT row FROM item WHERE collection = ?)", arguments: [key])
      try db.execute(sql: "DELETE FROM item WHERE collection = ?", arguments: [key])
      try db.execute(sql: "DELETE FROM collection WHERE key = ?", arguments: [key])
    }
  }

  /// The collection as it is now.
  ///
  /// - Throws: `.damaged` where it is gone.
  func collection(_ key: Int64) async throws(ArchiveError) -> CollectionRecord {
    try await read { db in try CollectionRecord.fetch(db, key: key) }
  }
}

extension CollectionRecord {
  fileprivate static let selection = """
    SELECT collection.key, collection.name, collection.dimension, model.fingerprint, model.name, collection.count,
      collection.bytes, collection.revision, collection.precision
    FROM collection JOIN model ON model.key = collection.model
    """

  fileprivate init(_ row: Row) throws {
    key = try row.decode(atIndex: 0)
    name = try row.decode(atIndex: 1)
    dimension = try row.decode(atIndex: 2)
    modelFingerprint = try row.decode(atIndex: 3)
    modelName = try row.decode(atIndex: 4)
    count = try row.decode(atIndex: 5)
    bytes = try row.decode(atIndex: 6)
    revision = try row.decode(atIndex: 7)
    let text = try row.decode(String.self, atIndex: 8)
    guard let precision = Precision(rawValue: text) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "collection \"\(name)\" has the precision \"\(text)\"")
    }
    self.precision = precision
  }

  static func fetch(_ db: Database, key: Int64) throws -> CollectionRecord {
    guard let row = try Row.fetchOne(db, sql: selection + " WHERE collection.key = ?", arguments: [key]) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "collection \(key) has disappeared")
    }
    return try CollectionRecord(row)
  }

  /// Its revision, read in the same transaction as what it vouches for.
  static func revision(_ db: Database, key: Int64) throws -> Int64? {
    try Int64.fetchOne(db, sql: "SELECT revision FROM collection WHERE key = ?", arguments: [key])
  }
}
