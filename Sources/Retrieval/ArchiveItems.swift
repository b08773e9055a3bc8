import Foundation
import OpenCL

extension Archive {
  /// Stores items, in order, in one transaction; answers after the commit.
  ///
  /// An item that cannot be stored fails alone. After a storage or device failure nothing of the request is stored.
  ///
  /// - Returns: one outcome an item, in order.
  /// - Throws: `.collectionNotFound`, `.modelMismatch`, `.tooLarge` (more than 4096 items), `.device`, or a storage
  ///   failure.
  package func add(
    _ items: [NewItem], to name: String, onConflict policy: ConflictPolicy
  ) async throws(ArchiveError) -> [AddOutcome] {
    try Limits.check(items.count, of: "items", limit: Limits.items)
    let collection = try find(name)
    await collection.gate.enter(.exclusive)
    defer { collection.gate.leave() }
    try check(collection)
    try await settle(collection)
    let index = try index(of: collection)

    var outcomes: [AddOutcome] = []
    var sound: [NewItem] = []
    for item in items {
      do throws(ArchiveError) {
        try Limits.check(item, in: collection.record)
        sound.append(item)
        outcomes.append(.stored)
      } catch {
        outcomes.append(.failed(error))
      }
    }
    guard !sound.isEmpty else { return outcomes }

    // First what may fail on the device, unseen; then the commit; then what cannot fail.
    let slots = try stage(sound, in: index)
    let receipt: AddReceipt
    do throws(ArchiveError) {
      receipt = try await store.add(sound, to: collection.record, onConflict: policy)
    } catch {
      index.discard(slots)
      collection.isSuspect = true
      throw error
    }
    let places = receipt.places.enumerated().map { offset, place in
      publish(sound[offset].description, at: place, slot: slots[offset], in: index)
    }
    collection.revision = receipt.revision
    var next = places.makeIterator()
    return outcomes.map { outcome in if case .failed = outcome { outcome } else { next.next() ?? outcome } }
  }

  private func stage(_ items: [NewItem], in index: VectorIndex) throws(ArchiveError) -> [Int] {
    do throws(OpenCLError) {
      return try index.stage(items.flatMap(\.embedding))
    } catch {
      throw .device("\(error)")
    }
  }

  private func publish(
    _ item: ItemDescription, at place: AddReceipt.Place, slot: Int, in index: VectorIndex
  ) -> AddOutcome {
    switch place {
    case .stored(let row):
      index.publish(slot, row: row, fields: Field.allCases.map { item[$0] })
      return .stored
    case .replaced(let row):
      index.publish(slot, row: row, fields: Field.allCases.map { item[$0] })
      return .replaced
    case .skipped:
      index.discard([slot])
      return .skipped
    case .failed(let error):
      index.discard([slot])
      return .failed(error)
    }
  }

  /// Removes those of `ids` that exist; answers after the commit with how many there were.
  package func remove(ids: [String], from name: String) async throws(ArchiveError) -> Int {
    try Limits.check(ids.count, of: "ids", limit: Limits.items)
    return try await remove(from: name) { store, collection throws(ArchiveError) in
      try await store.remove(ids: ids, from: collection)
    }
  }

  /// Removes every item that matches `filter`; answers after the commit with how many there were.
  ///
  /// - Throws: `.invalid` for a filter without a condition: `drop` is for that.
  package func remove(matching filter: Filter, from name: String) async throws(ArchiveError) -> Int {
    guard !filter.isEmpty else {
      throw .invalid("a filter without a condition would remove every item; drop the collection instead")
    }
    try filter.validate()
    return try await remove(from: name) { store, collection throws(ArchiveError) in
      try await store.remove(matching: filter, from: collection)
    }
  }

  private func remove(
    from name: String, _ body: (Store, Int64) async throws(ArchiveError) -> RemoveReceipt
  ) async throws(ArchiveError) -> Int {
    let collection = try find(name)
    await collection.gate.enter(.exclusive)
    defer { collection.gate.leave() }
    try check(collection)
    let receipt: RemoveReceipt
    do throws(ArchiveError) {
      receipt = try await body(store, collection.record.key)
    } catch {
      collection.isSuspect = true
      throw error
    }
    collection.index?.remove(receipt.rows)
    if !collection.isSuspect { collection.revision = receipt.revision }
    return receipt.rows.count
  }

  /// What is known of each of `ids`, in order, nil where there is no such item: what `skip` would pass over need not be
  /// encoded.
  package func known(ids: [String], in name: String) async throws(ArchiveError) -> [KnownItem?] {
    try Limits.check(ids.count, of: "ids", limit: Limits.items)
    return try await store.known(ids: ids, in: find(name).record.key)
  }

  /// The items of `ids`, in order; nil where there is none.
  package func get(
    ids: [String], in name: String, include: Include = []
  ) async throws(ArchiveError) -> [StoredItem?] {
    try Limits.check(ids.count, of: "ids", limit: Limits.page)
    return try await store.items(ids: ids, in: find(name).record.key, include: include)
  }

  /// A page of the items that match `filter`, in insertion order, behind the item `after`.
  ///
  /// - Parameter limit: 1…1000 items.
  /// - Throws: `.itemNotFound` where `after` does not exist (any more).
  package func list(
    in name: String, filter: Filter? = nil, after: String? = nil, limit: Int = 100, include: Include = []
  ) async throws(ArchiveError) -> ItemPage {
    try filter?.validate()
    guard limit >= 1 else { throw .invalid("a limit of \(limit) items is not in 1…\(Limits.page)") }
    try Limits.check(limit, of: "items a page", limit: Limits.page)
    return try await store.list(filter, in: find(name).record, after: after, limit: limit, include: include)
  }

  /// How many items match `filter`, in all and by the values of a field.
  package func count(
    in name: String, filter: Filter? = nil, by field: Field? = nil
  ) async throws(ArchiveError) -> ItemCount {
    try filter?.validate()
    return try await store.count(filter, in: find(name).record.key, by: field)
  }
}
