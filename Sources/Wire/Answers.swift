/// The result of `encode`.
package struct EncodeAnswer: Sendable, JSONWritable {
  /// One an image, in order.
  package var embeddings: [Place<WireEmbedding>]
  package var dimension: Int
  /// The model's fingerprint.
  package var model: String
  /// `f32`, `bf16` or `int8`; nil from a daemon that does not say.
  package var precision: String?

  package init(embeddings: [Place<WireEmbedding>], dimension: Int, model: String, precision: String? = nil) {
    self.embeddings = embeddings
    self.dimension = dimension
    self.model = model
    self.precision = precision
  }

  package init?(_ value: JSONValue) {
    guard let places = value["embeddings"]?.array, let dimension = value["dimension"]?.integer else { return nil }
    embeddings = places.map { place in Place(place) { WireEmbedding.values($0).map { WireEmbedding($0) } } }
    self.dimension = dimension
    model = value["model"]?.string ?? ""
    precision = value["precision"]?.string
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("embeddings", embeddings)
      writer.field("dimension", dimension)
      writer.field("model", model)
      writer.field("precision", precision)
    }
  }
}

/// The result of `search`.
package struct SearchAnswer: Sendable, JSONWritable {
  /// One a query, in order.
  package var results: [Place<Neighbours>]
  /// How many items were compared, once everything that was to be left out was left out; the largest of the queries'.
  package var searched: Int
  /// How many of those lack the field that `exclude_same` or `distinct` names; the largest of the queries'.
  package var unattributed: Int

  package init(results: [Place<Neighbours>], searched: Int, unattributed: Int) {
    self.results = results
    self.searched = searched
    self.unattributed = unattributed
  }

  package init?(_ value: JSONValue) {
    guard let places = value["results"]?.array else { return nil }
    results = places.map { place in
      Place(place) { $0["neighbours"]?.array.map { Neighbours($0.compactMap(Neighbour.init)) } }
    }
    searched = value["searched"]?.integer ?? 0
    unattributed = value["unattributed"]?.integer ?? 0
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("results", results)
      writer.field("searched", searched)
      writer.field("unattributed", unattributed)
    }
  }
}

/// What became of one item of an `add`.
package struct AddedItem: Sendable, Equatable, JSONWritable {
  package enum Status: String, Sendable { case stored, skipped }
  package var id: String
  package var status: Status

  package init(id: String, status: Status) {
    self.id = id
    self.status = status
  }

  package init?(_ value: JSONValue) {
    guard let id = value["id"]?.string, let status = value["status"]?.string.flatMap(Status.init) else { return nil }
    self.init(id: id, status: status)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", id)
      writer.field("status", status.rawValue)
    }
  }
}

/// The result of `add`: one place an item, in order, sent after the commit.
package struct AddAnswer: Sendable, JSONWritable {
  package var items: [Place<AddedItem>]

  package init(items: [Place<AddedItem>]) { self.items = items }

  package init?(_ value: JSONValue) {
    guard let places = value["items"]?.array else { return nil }
    items = places.map { Place($0, read: AddedItem.init) }
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("items", items) }
  }
}

/// The result of `get`: one place an id, in order; an unknown id's place holds `not_found`.
package struct GetAnswer: Sendable, JSONWritable {
  package var items: [Place<StoredItem>]

  package init(items: [Place<StoredItem>]) { self.items = items }

  package init?(_ value: JSONValue) {
    guard let places = value["items"]?.array else { return nil }
    items = places.map { Place($0, read: StoredItem.init) }
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("items", items) }
  }
}

/// The result of `list`: a page.
package struct ListAnswer: Sendable, Equatable, JSONWritable {
  package var items: [StoredItem]
  /// What to give as `after` for the next page; nil on the last one.
  package var next: String?

  package init(items: [StoredItem], next: String?) {
    self.items = items
    self.next = next
  }

  package init?(_ value: JSONValue) {
    guard let items = value["items"]?.array else { return nil }
    self.init(items: items.compactMap(StoredItem.init), next: value["next"]?.string)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("items", items)
      writer.field("next", next)
    }
  }
}

/// The result of `count`.
package struct CountAnswer: Sendable, Equatable, JSONWritable {
  /// One value of the field and how many items have it; nil stands for the items without the field.
  package struct Group: Sendable, Equatable, JSONWritable {
    package var value: String?
    package var count: Int

    package init(value: String?, count: Int) {
      self.value = value
      self.count = count
    }

    package func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("value", value.map(JSONValue.string) ?? .null)
        writer.field("count", count)
      }
    }
  }

  package var count: Int
  package var by: GroupField?
  package var groups: [Group]?

  package init(count: Int, by: GroupField? = nil, groups: [Group]? = nil) {
    self.count = count
    self.by = by
    self.groups = groups
  }

  package init?(_ value: JSONValue) {
    guard let count = value["count"]?.integer else { return nil }
    let groups = value["groups"]?.array?.map { Group(value: $0["value"]?.string, count: $0["count"]?.integer ?? 0) }
    self.init(count: count, by: value["by"]?.string.flatMap(GroupField.init), groups: groups)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("count", count)
      writer.field("by", by)
      writer.field("groups", groups)
    }
  }
}

/// The result of `remove`.
package struct RemoveAnswer: Sendable, Equatable, JSONWritable {
  package var removed: Int

  package init(removed: Int) { self.removed = removed }

  package init?(_ value: JSONValue) {
    guard let removed = value["removed"]?.integer else { return nil }
    self.removed = removed
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("removed", removed) }
  }
}

/// The result of `collections`. `create` and `drop` answer with the one `CollectionDescription`.
package struct CollectionsAnswer: Sendable, Equatable, JSONWritable {
  package var collections: [CollectionDescription]

  package init(collections: [CollectionDescription]) { self.collections = collections }

  package init?(_ value: JSONValue) {
    guard let collections = value["collections"]?.array else { return nil }
    self.collections = collections.compactMap(CollectionDescription.init)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("collections", collections) }
  }
}

/// The result of `metrics`.
package struct MetricsAnswer: Sendable, Equatable, JSONWritable {
  /// Prometheus text exposition format, version 0.0.4.
  package var text: String

  package init(text: String) { self.text = text }

  package init?(_ value: JSONValue) {
    guard let text = value["text"]?.string else { return nil }
    self.text = text
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("text", text) }
  }
}
