import Foundation
import GRDB

extension Store {
  /// The items of `ids`, in order; nil where there is none.
  func items(ids: [String], in collection: Int64, include: Include) async throws(ArchiveError) -> [StoredItem?] {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: "\(StoredItem.selection(include)) WHERE item.collection = ? AND item.id = ?")
      return try ids.map { id in
        try Row.fetchOne(statement, arguments: [collection, id]).map(StoredItem.init)
      }
    }
  }

  /// The rows of `ids`, in order; nil where there is none.
  func rows(ids: [String], in collection: Int64) async throws(ArchiveError) -> [Int64?] {
    try await read { db in
      let statement = try db.cachedStatement(sql: "SELECT row FROM item WHERE collection = ? AND id = ?")
      return try ids.map { id in try Int64.fetchOne(statement, arguments: [collection, id]) }
    }
  }

  /// The items of `rows`, and the collection's revision at that moment, nil where it is gone.
  ///
  /// - Parameter limit: bytes of content that they may have together; reading ends where they have more.
  /// - Throws: `.answerTooLarge`, or a storage failure.
  func items(
    rows: Set<Int64>, in collection: Int64, include: Include, limit: Int
  ) async throws(ArchiveError) -> (items: [Int64: StoredItem], revision: Int64?) {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: "\(StoredItem.selection(include)) WHERE item.collection = ? AND item.row = ?")
      var items: [Int64: StoredItem] = [:]
      var room = limit
      for row in rows.sorted() {
        guard let item = try Row.fetchOne(statement, arguments: [collection, row]).map(StoredItem.init) else {
          continue
        }
        room -= item.contentBytes
        guard room >= 0 else { throw ArchiveError.answerTooLarge(limit: limit) }
        items[row] = item
      }
      return (items, try CollectionRecord.revision(db, key: collection))
    }
  }

  /// At most `limit` items in insertion order, behind the item `after`.
  ///
  /// - Throws: `.itemNotFound` where `after` does not exist.
  func list(
    _ filter: Filter?, in collection: CollectionRecord, after: String?, limit: Int, include: Include
  ) async throws(ArchiveError) -> ItemPage {
    let condition = try Condition(collection: collection.key, filter: filter)
    return try await read { db in
      var condition = condition
      if let after {
        let row = try Int64.fetchOne(
          db, sql: "SELECT row FROM item WHERE collection = ? AND id = ?", arguments: [collection.key, after])
        guard let row else { throw ArchiveError.itemNotFound(id: after, collection: collection.name) }
        condition.append("item.row > ?", [row])
      }
      var items = try Row.fetchAll(
        db, sql: "\(StoredItem.selection(include)) WHERE \(condition.sql) ORDER BY item.row LIMIT ?",
        arguments: condition.arguments + [limit + 1]
      ).map(StoredItem.init)
      let more = items.count > limit
      if more { items.removeLast() }
      return ItemPage(items: items, next: more ? items.last?.description.id : nil)
    }
  }

  /// How many items match `filter`, in all and by the values of `field`.
  func count(_ filter: Filter?, in collection: Int64, by field: Field?) async throws(ArchiveError) -> ItemCount {
    let condition = try Condition(collection: collection, filter: filter)
    return try await read { db in
      guard let field else {
        let total = try Int.fetchOne(
          db, sql: "SELECT count(*) FROM item WHERE \(condition.sql)", arguments: condition.arguments)
        return ItemCount(total: total ?? 0, groups: [])
      }
      let name = "item.\(field.rawValue)"
      let groups = try Row.fetchAll(
        db,
        sql: """
          SELECT \(name), count(*) FROM item WHERE \(condition.sql)
          GROUP BY \(name) ORDER BY count(*) DESC, \(name)
          """,
        arguments: condition.arguments
      ).map { row in ItemCount.Group(value: try row.decode(atIndex: 0), count: try row.decode(atIndex: 1)) }
      return ItemCount(total: groups.reduce(0) { $0 + $1.count }, groups: groups)
    }
  }

  /// What is known of each of `ids`, in order; nil where there is no such item.
  func known(ids: [String], in collection: Int64) async throws(ArchiveError) -> [KnownItem?] {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: "SELECT \(KnownItem.columns) FROM item WHERE collection = ? AND id = ?")
      return try ids.map { id in
        try Row.fetchOne(statement, arguments: [collection, id]).map { try KnownItem($0, at: 0) }
      }
    }
  }

  /// The rows that meet all, or any, of the conditions of `filter`, in no order.
  func rows(
    _ combination: Condition.Combination, of filter: Filter, in collection: Int64
  ) async throws(ArchiveError) -> [Int64] {
    let condition = try Condition(collection: collection, filter: filter, combination)
    return try await read { db in
      try Int64.fetchAll(
        db, sql: "SELECT item.row FROM item WHERE \(condition.sql)", arguments: condition.arguments)
    }
  }
}

extension KnownItem {
  static let columns = "image_sha256, \(SlideRegion.columns.joined(separator: ", "))"

  /// - Parameter index: where in the row `columns` begin.
  init(_ row: Row, at index: Int) throws {
    imageSHA256 = try row.decode(atIndex: index)
    region = try SlideRegion.decode(row, at: index + 1)
  }
}

extension SlideRegion {
  fileprivate static let columns = ["region_x", "region_y", "region_width", "region_height", "level"]

  /// Nil where the item has none. - Parameter index: where in the row `columns` begin.
  fileprivate static func decode(_ row: Row, at index: Int) throws -> SlideRegion? {
    guard let x = try row.decode(Int?.self, atIndex: index), let y = try row.decode(Int?.self, atIndex: index + 1),
      let width = try row.decode(Int?.self, atIndex: index + 2),
      let height = try row.decode(Int?.self, atIndex: index + 3),
      let level = try row.decode(Int?.self, atIndex: index + 4)
    else { return nil }
    return SlideRegion(x: x, y: y, width: width, height: height, level: level)
  }
}

extension StoredItem {
  /// `SELECT … FROM item`, with NULL for what `include` does not ask for, so that its pages stay unread.
  fileprivate static func selection(_ include: Include) -> String {
    func columns(_ option: Include, _ names: [String]) -> [String] {
      names.map { include.contains(option) ? $0 : "NULL" }
    }
    let thumbnail = "(SELECT jpeg FROM thumbnail WHERE thumbnail.row = item.row)"
    let list =
      ["id", "label", "slide", "patient", "site", "time", "encoder_variant", "encoder_precision", "encoder_version"]
      + columns(.region, SlideRegion.columns) + columns(.mpp, ["mpp"]) + columns(.source, ["source"])
      + columns(.sha256, ["image_sha256"]) + columns(.metadata, ["metadata"]) + columns(.embedding, ["embedding"])
      + columns(.thumbnail, [thumbnail])
    return "SELECT \(list.joined(separator: ", ")) FROM item"
  }

  fileprivate init(_ row: Row) throws {
    description = ItemDescription(
      id: try row.decode(atIndex: 0), label: try row.decode(atIndex: 1), slide: try row.decode(atIndex: 2),
      patient: try row.decode(atIndex: 3), site: try row.decode(atIndex: 4))
    time = Date(timeIntervalSince1970: try row.decode(atIndex: 5))
    if let variant = try row.decode(String?.self, atIndex: 6), let precision = try row.decode(String?.self, atIndex: 7),
      let version = try row.decode(String?.self, atIndex: 8)
    {
      description.encoder = EncoderIdentity(variant: variant, precision: precision, version: version)
    }
    description.region = try SlideRegion.decode(row, at: 9)
    description.mpp = try row.decode(atIndex: 14)
    description.source = try row.decode(atIndex: 15)
    description.imageSHA256 = try row.decode(atIndex: 16)
    if let text = try row.decode(String?.self, atIndex: 17) {
      description.metadata = try JSONDecoder().decode([String: MetadataValue].self, from: Data(text.utf8))
    }
    embedding = try row.decode(Data?.self, atIndex: 18).map { data in
      [Float](unsafeUninitializedCapacity: data.count / MemoryLayout<Float>.size) { buffer, count in
        count = data.copyBytes(to: buffer) / MemoryLayout<Float>.size
      }
    }
    thumbnail = try row.decode(atIndex: 19)
  }
}
