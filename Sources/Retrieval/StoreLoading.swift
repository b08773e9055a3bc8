import Foundation
import GRDB

/// Consecutive rows of a collection, as the device's copy takes them.
struct LoadedBlock: Sendable {
  var rows: [Int64] = []
  /// For each field, in the order of `Field.allCases`, one value a row.
  var fields: [[String?]] = []
  /// `[rows, dimension]`.
  var embeddings: [Float] = []
}

extension Store {
  /// At most `limit` rows of `collection` behind row `after`, in insertion order.
  ///
  /// - Throws: `.damaged` where an embedding has another length than the collection's dimension says.
  func block(of collection: CollectionRecord, after row: Int64, limit: Int) async throws(ArchiveError) -> LoadedBlock {
    try await read { db in
      let statement = try db.cachedStatement(
        sql: """
          SELECT row, embedding, label, slide, patient, site FROM item
          WHERE collection = ? AND row > ? ORDER BY row LIMIT ?
          """)
      let dimension = collection.dimension
      var rows: [Int64] = []
      var fields = [[String?]](repeating: [], count: Field.allCases.count)
      let cursor = try Row.fetchCursor(statement, arguments: [collection.key, row, limit])
      let embeddings = try [Float](unsafeUninitializedCapacity: limit * dimension) { buffer, count in
        while let row = try cursor.next() {
          let index = try row.decode(Int64.self, atIndex: 0)
          try row.withUnsafeData(atIndex: 1) { data in
            let bytes = dimension * MemoryLayout<Float>.size
            guard let data, data.count == bytes, rows.count < limit else {
              throw DatabaseError(
                resultCode: .SQLITE_CORRUPT,
                message: "row \(index) of collection \"\(collection.name)\" has an "
                  + "embedding of \(data?.count ?? 0) bytes instead of \(bytes)")
            }
            data.copyBytes(
              to: UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(rebasing: buffer[rows.count * dimension..<(rows.count + 1) * dimension])))
          }
          for field in fields.indices { fields[field].append(try row.decode(String?.self, atIndex: 2 + field)) }
          rows.append(index)
        }
        count = rows.count * dimension
      }
      return LoadedBlock(rows: rows, fields: fields, embeddings: embeddings)
    }
  }
}
