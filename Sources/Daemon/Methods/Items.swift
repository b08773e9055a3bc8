import Retrieval
import Wire

extension Method {
  /// `get`: stored items by their ids; an unknown one fails alone.
  func get(_ parameters: GetParameters) async throws -> GetAnswer {
    let items = try await engine.archive.get(
      ids: parameters.ids, in: parameters.collection, include: Include(parameters.include))
    return GetAnswer(
      items: zip(parameters.ids, items).enumerated().map { index, pair in
        guard let item = pair.1 else {
          return Place(
            .failure(mapped(ArchiveError.itemNotFound(id: pair.0, collection: parameters.collection)).at(index)))
        }
        return Place(.success(Wire.StoredItem(item)))
      })
  }

  /// `list`: a page of items in the order of their insertion.
  func list(_ parameters: ListParameters) async throws -> ListAnswer {
    let page = try await engine.archive.list(
      in: parameters.collection, filter: parameters.filter.map(Retrieval.Filter.init), after: parameters.after,
      limit: parameters.limit, include: Include(parameters.include))
    return ListAnswer(items: page.items.map(Wire.StoredItem.init), next: page.next)
  }

  /// `count`: how many items, in all or by a field's values.
  func count(_ parameters: CountParameters) async throws -> CountAnswer {
    let count = try await engine.archive.count(
      in: parameters.collection, filter: parameters.filter.map(Retrieval.Filter.init),
      by: parameters.by.flatMap { Field(rawValue: $0.rawValue) })
    let groups = count.groups.map { CountAnswer.Group(value: $0.value, count: $0.count) }
    return CountAnswer(count: count.total, by: parameters.by, groups: parameters.by == nil ? nil : groups)
  }

  /// `remove`: items by ids or by a filter.
  func remove(_ parameters: RemoveParameters) async throws -> RemoveAnswer {
    switch parameters.which {
    case .ids(let ids):
      RemoveAnswer(removed: try await engine.archive.remove(ids: ids, from: parameters.collection))
    case .filter(let filter):
      RemoveAnswer(
        removed: try await engine.archive.remove(matching: Retrieval.Filter(filter), from: parameters.collection))
    }
  }
}
