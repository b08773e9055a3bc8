import Foundation
import OpenCL

/// What a search asks of every query alike.
private struct SearchOptions: Sendable {
  var k: Int
  var filter: Filter?
  var exclude: Filter?
  var excludeSame: Field?
  var distinct: Field?
  var include: Include
  /// Bytes of content that all items found may have together.
  var limit: Int
}

/// A query that can be asked.
private struct ResolvedQuery: Sendable {
  var embedding: [Float]
  /// Its own row, which is never its neighbour.
  var row: Int64?
  /// The value of the field that `excludeSame` names.
  var sameValue: String?
}

/// What a search's turn on the device gives. Until `leave` the collection stays as it is.
private struct Scored: Sendable {
  var collection: Collection
  /// The collection's key in the store, and the revision that was searched.
  var key: Int64
  var revision: Int64
  var queries: [Result<ResolvedQuery, ArchiveError>]
  /// One a query that can be asked.
  var hits: [[Hit]]
  var masks: SearchMasks
  /// The slots without the field that the options name.
  var lacking: Bitmask?
}

extension Archive {
  /// The `k` nearest items of each query by exact cosine, best first, equal scores in the order of insertion.
  ///
  /// - Parameters:
  ///   - queries: at most 256; one that cannot be asked fails alone.
  ///   - k: 1…1000 neighbours a query.
  ///   - filter: only items that meet all of its conditions.
  ///   - exclude: no items that meet any of its conditions.
  ///   - excludeSame: no items that share this field's value with the query; a query without one fails. Items without
  ///     the field stay in.
  ///   - distinct: the `k` nearest cases, each value of this field once, by its best item; an item without the field is
  ///     a case of its own.
  ///   - limit: bytes of content that the items found may have together (`StoredItem.contentBytes`), each counted once;
  ///     no more than that is read.
  /// - Throws: `.collectionNotFound`, `.modelMismatch`, `.invalid`, `.tooLarge`, `.answerTooLarge`, `.device`, or a
  ///   storage failure.
  package nonisolated func search(
    _ name: String, queries: [Query], k: Int, filter: Filter? = nil, exclude: Filter? = nil,
    excludeSame: Field? = nil, distinct: Field? = nil, include: Include = [], limit: Int = .max
  ) async throws(ArchiveError) -> SearchAnswer {
    guard k >= 1 else { throw .invalid("k is \(k) and not in 1…\(Limits.neighbours)") }
    if k > Limits.neighbours { throw .tooLarge(what: "k, \(k),", limit: Limits.neighbours) }
    try Limits.check(queries.count, of: "queries", limit: Limits.queries)
    if !include.isDisjoint(with: [.embedding, .thumbnail]) {
      try Limits.check(
        queries.count * k, of: "neighbours with embedding or thumbnail", limit: Limits.heavyNeighbours)
    }
    try filter?.validate()
    try exclude?.validate()
    let options = SearchOptions(
      k: k, filter: filter, exclude: exclude, excludeSame: excludeSame, distinct: distinct, include: include,
      limit: limit)

    // The second attempt is needed only after a change that failed half-way, which the first one noticed.
    for _ in 0..<3 {
      let scored = try await score(name, queries, options)
      // Leaving has no hurry: the device's thread may be at a batch, for which this answer need not wait.
      do throws(ArchiveError) {
        if let answer = try await answer(scored, options) {
          Task { await leave(scored.collection) }
          return answer
        }
      } catch {
        Task { await leave(scored.collection) }
        throw error
      }
      await leave(scored.collection, isSuspect: true)
    }
    throw .storage(path: store.path, reason: "it changes without this process's doing")
  }

  private func settleAlone(_ collection: Collection) async throws(ArchiveError) {
    guard collection.isSuspect else { return }
    await collection.gate.enter(.exclusive)
    defer { collection.gate.leave() }
    try check(collection)
    try await settle(collection)
  }

  /// The part of a search that needs the device.
  private func score(
    _ name: String, _ queries: [Query], _ options: SearchOptions
  ) async throws(ArchiveError) -> Scored {
    let collection = try find(name)
    try await settleAlone(collection)
    await collection.gate.enter(.shared)
    do throws(ArchiveError) {
      try check(collection)
      return try await score(collection, queries, options)
    } catch {
      collection.gate.leave()
      throw error
    }
  }

  private func leave(_ collection: Collection, isSuspect: Bool = false) {
    if isSuspect { collection.isSuspect = true }
    collection.gate.leave()
  }

  private func score(
    _ collection: Collection, _ queries: [Query], _ options: SearchOptions
  ) async throws(ArchiveError) -> Scored {
    let index = try index(of: collection)
    let resolved = try await resolve(queries, in: collection, excludeSame: options.excludeSame)
    let asked = resolved.compactMap { try? $0.get() }

    var base = index.table.vacant
    try await apply(options.filter, options.exclude, to: &base, in: collection, index)
    let masks = Self.masks(asked, base, options, index.table)
    let lacking = Self.lacking([options.excludeSame, options.distinct].compactMap(\.self), index.table)

    let hits: [[Hit]]
    do throws(OpenCLError) {
      let embeddings = asked.map(\.embedding)
      if let field = options.distinct {
        hits = try index.nearestCases(embeddings, k: options.k, by: field, masks)
      } else {
        hits = try index.nearest(embeddings, k: options.k, masks)
      }
    } catch {
      throw .device("\(error)")
    }

    return Scored(
      collection: collection, key: collection.record.key, revision: collection.revision, queries: resolved, hits: hits,
      masks: masks, lacking: lacking)
  }

  /// The part that needs the store only: off the device's thread, where it would wait for the next batch of images.
  ///
  /// - Returns: nil where the device's copy turns out to be of another revision than the store.
  private nonisolated func answer(
    _ scored: Scored, _ options: SearchOptions
  ) async throws(ArchiveError) -> SearchAnswer? {
    let rows = Set(scored.hits.joined().map(\.row))
    let (items, revision) = try await store.items(
      rows: rows, in: scored.key, include: options.include, limit: options.limit)
    guard revision == scored.revision, items.count == rows.count else { return nil }

    var place = 0
    var answer = SearchAnswer(results: [], searched: 0, unattributed: 0)
    for query in scored.queries {
      if case .failure(let error) = query {
        answer.results.append(.failure(error))
        continue
      }
      let mask = scored.masks.mask(place)
      let found = QueryAnswer(
        neighbours: scored.hits[place].compactMap { hit in
          items[hit.row].map { Neighbour(item: $0, score: min(1, max(-1, hit.score))) }
        },
        searched: mask.clearCount, unattributed: scored.lacking.map { mask.clearCount(excludedIn: $0) } ?? 0)
      answer.results.append(.success(found))
      answer.searched = max(answer.searched, found.searched)
      answer.unattributed = max(answer.unattributed, found.unattributed)
      place += 1
    }
    return answer
  }

  /// Looks up the stored queries and refuses those that cannot be asked.
  private func resolve(
    _ queries: [Query], in collection: Collection, excludeSame: Field?
  ) async throws(ArchiveError) -> [Result<ResolvedQuery, ArchiveError>] {
    let record = collection.record
    let ids = queries.compactMap { query in if case .id(let id) = query.target { id } else { nil } }
    var rows: [Int64?] = []
    var items: [Int64: StoredItem] = [:]
    if !ids.isEmpty {
      rows = try await store.rows(ids: ids, in: record.key)
      items = try await store.items(
        rows: Set(rows.compactMap(\.self)), in: record.key, include: .embedding, limit: .max
      ).items
    }
    var nextRow = rows.makeIterator()
    return queries.map { query in
      let row: Int64?
      let item: StoredItem?
      let embedding: [Float]
      switch query.target {
      case .embedding(let given):
        (row, item, embedding) = (nil, nil, given)
      case .id(let id):
        row = nextRow.next() ?? nil
        item = row.flatMap { items[$0] }
        guard let stored = item?.embedding else {
          return .failure(.itemNotFound(id: id, collection: record.name))
        }
        embedding = stored
      }
      do throws(ArchiveError) {
        try Limits.check(embedding, in: record)
      } catch {
        return .failure(error)
      }
      let sameValue = excludeSame.flatMap { query[$0] ?? item?.description[$0] }
      if let excludeSame, sameValue == nil {
        let field = excludeSame.rawValue
        return .failure(.invalid("exclude_same is \"\(field)\", but the query has no \(field)"))
      }
      return .success(ResolvedQuery(embedding: embedding, row: row, sameValue: sameValue))
    }
  }

  /// Excludes from `mask` what does not pass `filter`, and what meets a condition of `exclude`.
  private func apply(
    _ filter: Filter?, _ exclude: Filter?, to mask: inout Bitmask, in collection: Collection, _ index: VectorIndex
  ) async throws(ArchiveError) {
    let key = collection.record.key
    // The fields are known here; only metadata needs the store.
    if let filter {
      for (field, values) in filter.fields {
        let codes = index.table.codes(of: values, in: field)
        index.table.column(field).exclude(from: &mask) { !codes.contains($0) }
      }
      if !filter.metadata.isEmpty {
        var others = Bitmask(allSet: index.table.slotCount)
        for row in try await store.rows(.all, of: filter, in: key) {
          if let slot = index.table.slot(of: row) { others[slot] = false }
        }
        mask.formUnion(others)
      }
    }
    if let exclude {
      for (field, values) in exclude.fields {
        let codes = index.table.codes(of: values, in: field)
        index.table.column(field).exclude(from: &mask) { codes.contains($0) }
      }
      if !exclude.metadata.isEmpty {
        for row in try await store.rows(.any, of: Filter(metadata: exclude.metadata), in: key) {
          if let slot = index.table.slot(of: row) { mask[slot] = true }
        }
      }
    }
  }

  /// `base` for all queries, or one mask a query where one excludes rows of its own.
  private static func masks(
    _ queries: [ResolvedQuery], _ base: Bitmask, _ options: SearchOptions, _ table: SlotTable
  ) -> SearchMasks {
    guard options.excludeSame != nil || queries.contains(where: { $0.row != nil }) else {
      return SearchMasks(masks: [base])
    }
    return SearchMasks(
      masks: queries.map { query in
        var mask = base
        if let field = options.excludeSame, let value = query.sameValue {
          let column = table.column(field)
          if let code = column.code(of: value) { column.exclude(from: &mask) { $0 == code } }
        }
        if let slot = query.row.flatMap(table.slot(of:)) { mask[slot] = true }
        return mask
      })
  }

  /// The slots that lack one of `fields`; nil where there is no field.
  private static func lacking(_ fields: [Field], _ table: SlotTable) -> Bitmask? {
    guard !fields.isEmpty else { return nil }
    var mask = Bitmask(allSet: 0)
    mask.grow(to: table.slotCount)
    for word in mask.words.indices { mask.words[word] = 0 }
    for field in fields { table.column(field).exclude(from: &mask) { $0 == FieldColumn.missing } }
    return mask
  }
}
