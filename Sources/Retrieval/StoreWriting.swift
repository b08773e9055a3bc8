import Foundation
import GRDB

/// What a transaction did to a collection: what the device's copy has to follow.
struct AddReceipt: Sendable {
  enum Place: Sendable, Equatable {
    /// A new row, behind all others.
    case stored(row: Int64)
    /// The row that the id had already.
    case replaced(row: Int64)
    case skipped
    case failed(ArchiveError)
  }
  /// One an item, in order.
  var places: [Place]
  var revision: Int64
}

struct RemoveReceipt: Sendable {
  var rows: [Int64]
  var revision: Int64
}

extension Store {
  /// Stores `items` in one transaction, in order; `.failed` items are passed over.
  func add(
    _ items: [NewItem], to collection: CollectionRecord, onConflict policy: ConflictPolicy
  ) async throws(ArchiveError) -> AddReceipt {
    let metadata = try items.map { item throws(ArchiveError) in try item.description.metadata.map(jsonText) }
    let time = Date().timeIntervalSince1970
    return try await write { db in
      var places: [AddReceipt.Place] = []
      var change = Change()
      for (item, metadata) in zip(items, metadata) {
        let text = ItemText(item: item, metadata: metadata, time: time)
        places.append(try text.store(in: collection, onConflict: policy, db: db, change: &change))
      }
      return AddReceipt(places: places, revision: try change.record(in: collection.key, db: db))
    }
  }

  /// Removes those of `ids` that exist.
  func remove(ids: [String], from collection: Int64) async throws(ArchiveError) -> RemoveReceipt {
    try await write { db in
      var found: [(Int64, Int)] = []
      let statement = try db.cachedStatement(
        sql: "SELECT row, \(Change.size) FROM item WHERE collection = ? AND id = ?")
      // An id that is named twice is found once.
      for id in Set(ids.map(ExactString.init)) {
        if let row = try Row.fetchOne(statement, arguments: [collection, id.text]) {
          found.append((try row.decode(atIndex: 0), try row.decode(atIndex: 1)))
        }
      }
      return try Self.remove(found, from: collection, db: db)
    }
  }

  /// Removes every item that matches `filter`.
  func remove(matching filter: Filter, from collection: Int64) async throws(ArchiveError) -> RemoveReceipt {
    let condition = try Condition(collection: collection, filter: filter)
    return try await write { db in
      let found = try Row.fetchAll(
        db, sql: "SELECT row, \(Change.size) FROM item WHERE \(condition.sql)", arguments: condition.arguments
      ).map { row in (try row.decode(Int64.self, atIndex: 0), try row.decode(Int.self, atIndex: 1)) }
      return try Self.remove(found, from: collection, db: db)
    }
  }

  private static func remove(_ found: [(Int64, Int)], from collection: Int64, db: Database) throws -> RemoveReceipt {
    let statement = try db.cachedStatement(sql: "DELETE FROM item WHERE row = ?")
    var change = Change()
    for (row, bytes) in found {
      try statement.execute(arguments: [row])
      change.count -= 1
      change.bytes -= bytes
    }
    return RemoveReceipt(rows: found.map(\.0), revision: try change.record(in: collection, db: db))
  }
}

/// By how much a transaction changes what a collection's row says of its items.
private struct Change {
  /// An item's bytes: embedding, metadata and thumbnail.
  static let size = """
    length(embedding) + ifnull(length(CAST(metadata AS BLOB)), 0)
    + ifnull((SELECT length(jpeg) FROM thumbnail WHERE thumbnail.row = item.row), 0)
    """
  var count = 0
  var bytes = 0
  var changed: Bool { count != 0 || bytes != 0 || replaced }
  var replaced = false

  /// Writes it and returns the collection's revision, which stays as it was where nothing changed.
  func record(in collection: Int64, db: Database) throws -> Int64 {
    if changed {
      try db.execute(
        sql: "UPDATE collection SET count = count + ?, bytes = bytes + ?, revision = revision + 1 WHERE key = ?",
        arguments: [count, bytes, collection])
    }
    guard let revision = try CollectionRecord.revision(db, key: collection) else {
      throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "collection \(collection) has disappeared")
    }
    return revision
  }
}

/// An item as the columns of its row.
private struct ItemText {
  let item: NewItem
  let metadata: String?
  let time: Double

  private static let columns = [
    "label", "slide", "patient", "site", "region_x", "region_y", "region_width", "region_height", "level", "mpp",
    "source", "image_sha256", "time", "encoder_variant", "encoder_precision", "encoder_version", "metadata",
    "embedding",
  ]
  private static let insertion = """
    INSERT INTO item (\(columns.joined(separator: ", ")), collection, id)
    VALUES (\(Array(repeating: "?", count: columns.count + 2).joined(separator: ", ")))
    """
  private static let replacement = """
    UPDATE item SET \(columns.map { "\($0) = ?" }.joined(separator: ", ")) WHERE row = ?
    """

  private var values: StatementArguments {
    let item = item.description
    let region = item.region
    return [
      item.label, item.slide, item.patient, item.site, region?.x, region?.y, region?.width, region?.height,
      region?.level, item.mpp, item.source, item.imageSHA256, time, item.encoder?.variant, item.encoder?.precision,
      item.encoder?.version, metadata, embedding,
    ]
  }

  private var embedding: Data { item.embedding.withUnsafeBytes { Data($0) } }

  private var bytes: Int {
    item.embedding.count * MemoryLayout<Float>.size + (metadata?.utf8.count ?? 0) + (item.thumbnail?.count ?? 0)
  }

  func store(
    in collection: CollectionRecord, onConflict policy: ConflictPolicy, db: Database, change: inout Change
  ) throws -> AddReceipt.Place {
    let id = item.description.id
    let lookup = try db.cachedStatement(
      sql: "SELECT row, \(Change.size), \(KnownItem.columns) FROM item WHERE collection = ? AND id = ?")
    if let existing = try Row.fetchOne(lookup, arguments: [collection.key, id]) {
      let row = try existing.decode(Int64.self, atIndex: 0)
      switch policy {
      case .error: return .failed(.itemExists(id: id, collection: collection.name))
      case .skip:
        let same = try isSame(as: KnownItem(existing, at: 2), row: row, db: db)
        return same ? .skipped : .failed(.itemExists(id: id, collection: collection.name))
      case .replace:
        let oldBytes = try existing.decode(Int.self, atIndex: 1)
        try db.cachedStatement(sql: Self.replacement).execute(arguments: values + [row])
        try db.cachedStatement(sql: "DELETE FROM thumbnail WHERE row = ?").execute(arguments: [row])
        try storeThumbnail(row, db: db)
        change.bytes += bytes - oldBytes
        change.replaced = true
        return .replaced(row: row)
      }
    }
    try db.cachedStatement(sql: Self.insertion).execute(arguments: values + [collection.key, id])
    let row = db.lastInsertedRowID
    try storeThumbnail(row, db: db)
    change.count += 1
    change.bytes += bytes
    return .stored(row: row)
  }

  private func storeThumbnail(_ row: Int64, db: Database) throws {
    guard let thumbnail = item.thumbnail else { return }
    try db.cachedStatement(sql: "INSERT INTO thumbnail (row, jpeg) VALUES (?, ?)").execute(arguments: [row, thumbnail])
  }

  /// Whether the stored item is of the same image; where neither has an image, of the same embedding.
  private func isSame(as known: KnownItem, row: Int64, db: Database) throws -> Bool {
    let item = item.description
    if known.imageSHA256 != nil || item.imageSHA256 != nil {
      return known == KnownItem(imageSHA256: item.imageSHA256, region: item.region)
    }
    let stored = try Data.fetchOne(
      db.cachedStatement(sql: "SELECT embedding FROM item WHERE row = ?"), arguments: [row])
    return stored == embedding
  }
}
