import OpenCL

/// One collection of the archive: its record in the store, its copy on the device, and the gate between the two.
@DeviceActor
final class Collection {
  /// As of the last change; count and bytes are read from the store when asked for.
  let record: CollectionRecord
  let gate = Gate()
  /// Nil for a collection of another model, whose vectors nothing can be compared with.
  private(set) var index: VectorIndex?
  /// The store's revision that `index` reflects.
  var revision: Int64
  /// True where a change failed in a way that leaves open what the store holds now.
  var isSuspect = false
  /// True once it has been dropped; who waited at the gate finds out here.
  var isDropped = false

  init(_ record: CollectionRecord, index: VectorIndex?) {
    self.record = record
    self.index = index
    revision = record.revision
  }

  /// Fills a new index from the store; the old one stays where that fails.
  ///
  /// - Throws: `.damaged` where the rows are not as many as the collection's record says.
  func load(from store: Store, operators: SearchOperators) async throws(ArchiveError) {
    let record = try await store.collection(record.key)
    let index = VectorIndex(dimension: record.dimension, operators: operators)
    do {
      try index.reserve(record.count)
      let limit = max(1, min(4096, (16 << 20) / (4 * record.dimension)))
      var block = try await store.block(of: record, after: 0, limit: limit)
      while let last = block.rows.last {
        // The disk reads ahead while the device takes what is here.
        async let following = store.block(of: record, after: last, limit: limit)
        try index.append(block, from: store.path)
        block = try await following
      }
    } catch let error as OpenCLError {
      throw .device("\(error)")
    } catch {
      throw ArchiveError(error, path: store.path)
    }
    guard index.table.count == record.count else {
      throw .damaged(
        path: store.path,
        reason: "collection \"\(record.name)\" has \(index.table.count) items, but its record says \(record.count)")
    }
    self.index = index
    revision = record.revision
    isSuspect = false
  }
}
