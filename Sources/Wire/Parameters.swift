/// `encode`: images in, embeddings out.
package struct EncodeParameters: Sendable, Equatable {
  /// One a picture, in order; a picture that cannot be read fails alone.
  package var images: [Result<Picture, ErrorObject>]
  package var encoding = EmbeddingEncoding.numbers
  /// Whether embeddings are scaled to length 1.
  package var normalize = true

  package init(images: [Picture], encoding: EmbeddingEncoding = .numbers, normalize: Bool = true) {
    self.images = images.map { .success($0) }
    self.encoding = encoding
    self.normalize = normalize
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    images = try fields.each("images", of: "images") { value, path throws(ErrorObject) in
      try Picture(value, path: path, limits: limits)
    }
    encoding = try fields.word("encoding", EmbeddingEncoding.self) ?? .numbers
    normalize = try fields.bool("normalize") ?? true
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("images", images.compactMap { try? $0.get() })
    if encoding != .numbers { writer.field("encoding", encoding.rawValue) }
    if !normalize { writer.field("normalize", normalize) }
  }
}

/// `search`: the nearest items of each query.
package struct SearchParameters: Sendable, Equatable {
  package var collection: String
  package var queries: [Result<Query, ErrorObject>]
  /// How many neighbours: 1 to `limits.k`.
  package var k: Int
  package var filter: Filter?
  package var exclude: Filter?
  package var excludeSame: SameField?
  package var distinct: CaseField?
  package var include: Set<IncludeField> = []

  package static let defaultK = 10

  package init(
    collection: String, queries: [Query], k: Int = defaultK, filter: Filter? = nil, exclude: Filter? = nil,
    excludeSame: SameField? = nil, distinct: CaseField? = nil, include: Set<IncludeField> = []
  ) {
    self.collection = collection
    self.queries = queries.map { .success($0) }
    self.k = k
    self.filter = filter
    self.exclude = exclude
    self.excludeSame = excludeSame
    self.distinct = distinct
    self.include = include
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    queries = try fields.each("queries", of: "queries") { value, path throws(ErrorObject) in
      try Query(value, path: path, limits: limits)
    }
    k = try fields.integer("k", from: 1, to: limits.k) ?? min(Self.defaultK, limits.k)
    filter = try fields.filter("filter", limits)
    exclude = try fields.filter("exclude", limits)
    excludeSame = try fields.word("exclude_same", SameField.self)
    distinct = try fields.word("distinct", CaseField.self)
    include = try fields.include()
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    writer.field("queries", queries.compactMap { try? $0.get() })
    writer.field("k", k)
    writer.field("filter", filter)
    writer.field("exclude", exclude)
    writer.field("exclude_same", excludeSame)
    writer.field("distinct", distinct)
    writer.include(include)
  }
}

/// What `add` does with an id that is there already.
package enum ConflictPolicy: String, Sendable, CaseIterable {
  /// The item fails with `conflict`.
  case error
  /// The new item takes the old one's place.
  case replace
  /// Same id and same image: nothing is done; same id and another image: `conflict`.
  case skip
}

/// `add`: items into a collection.
package struct AddParameters: Sendable, Equatable {
  package var collection: String
  package var items: [Result<Item, ErrorObject>]
  package var onConflict = ConflictPolicy.error

  package init(collection: String, items: [Item], onConflict: ConflictPolicy = .error) {
    self.collection = collection
    self.items = items.map { .success($0) }
    self.onConflict = onConflict
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    items = try fields.each("items", of: "items") { value, path throws(ErrorObject) in
      try Item(value, path: path, limits: limits)
    }
    onConflict = try fields.word("on_conflict", ConflictPolicy.self) ?? .error
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    writer.field("items", items.compactMap { try? $0.get() })
    if onConflict != .error { writer.field("on_conflict", onConflict.rawValue) }
  }
}

/// `get`: stored items by their ids.
package struct GetParameters: Sendable, Equatable {
  package var collection: String
  package var ids: [String]
  package var include: Set<IncludeField> = []

  package init(collection: String, ids: [String], include: Set<IncludeField> = []) {
    self.collection = collection
    self.ids = ids
    self.include = include
  }

  init(_ fields: inout Fields) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    guard let ids = try fields.strings("ids") else { throw fields.missing("ids", "an array of strings") }
    self.ids = ids
    include = try fields.include()
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    writer.field("ids", ids)
    writer.include(include)
  }
}

/// `list`: stored items in the order of their insertion, a page at a time.
package struct ListParameters: Sendable, Equatable {
  package var collection: String
  package var filter: Filter?
  /// The id behind which the page begins.
  package var after: String?
  /// Items on the page: 1 to `limits.page`.
  package var limit = defaultLimit
  package var include: Set<IncludeField> = []

  package static let defaultLimit = 100

  package init(
    collection: String, filter: Filter? = nil, after: String? = nil, limit: Int = defaultLimit,
    include: Set<IncludeField> = []
  ) {
    self.collection = collection
    self.filter = filter
    self.after = after
    self.limit = limit
    self.include = include
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    filter = try fields.filter("filter", limits)
    after = try fields.string("after")
    limit = try fields.integer("limit", from: 1, to: limits.page) ?? min(Self.defaultLimit, limits.page)
    include = try fields.include()
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    writer.field("filter", filter)
    writer.field("after", after)
    writer.field("limit", limit)
    writer.include(include)
  }
}

/// `count`: how many items, in all or for each value of a field.
package struct CountParameters: Sendable, Equatable {
  package var collection: String
  package var filter: Filter?
  package var by: GroupField?

  package init(collection: String, filter: Filter? = nil, by: GroupField? = nil) {
    self.collection = collection
    self.filter = filter
    self.by = by
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    filter = try fields.filter("filter", limits)
    by = try fields.word("by", GroupField.self)
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    writer.field("filter", filter)
    writer.field("by", by)
  }
}

/// `remove`: items by ids or by a filter, never both, never all by accident.
package struct RemoveParameters: Sendable, Equatable {
  package enum Which: Sendable, Equatable {
    case ids([String])
    case filter(Filter)
  }
  package var collection: String
  package var which: Which

  package init(collection: String, which: Which) {
    self.collection = collection
    self.which = which
  }

  init(_ fields: inout Fields, _ limits: Limits) throws(ErrorObject) {
    collection = try fields.requiredString("collection")
    let ids = try fields.strings("ids")
    let filter = try fields.filter("filter", limits)
    switch (ids, filter) {
    case (let ids?, nil): which = .ids(ids)
    case (nil, let filter?): which = .filter(filter)
    default: throw ErrorObject(.invalidParams, "\(fields.path): expected either \"ids\" or \"filter\"")
    }
  }

  fileprivate func write(_ writer: inout JSONWriter) {
    writer.field("collection", collection)
    switch which {
    case .ids(let ids): writer.field("ids", ids)
    case .filter(let filter): writer.field("filter", filter)
    }
  }
}

extension Fields {
  /// A required array whose elements are read one by one; a bad element fails alone, with its index.
  fileprivate mutating func each<Element>(
    _ member: String, of what: String, _ read: (JSONValue, String) throws(ErrorObject) -> Element
  ) throws(ErrorObject) -> [Result<Element, ErrorObject>] {
    guard let elements = try elements(member, of: what) else { throw missing(member, "an array of \(what)") }
    return elements.enumerated().map { index, value in
      Result { () throws(ErrorObject) in try read(value, "\(name(member))[\(index)]") }.mapError { $0.at(index) }
    }
  }
}

extension JSONWriter {
  fileprivate mutating func include(_ fields: Set<IncludeField>) {
    let names = IncludeField.allCases.filter(fields.contains).map(\.rawValue)
    if !names.isEmpty { field("include", names) }
  }
}

/// Parameters as the members of an object; here because each type writes its own above.
extension Call {
  func writeMembers(_ writer: inout JSONWriter) {
    switch self {
    case .encode(let parameters): parameters.write(&writer)
    case .search(let parameters): parameters.write(&writer)
    case .add(let parameters): parameters.write(&writer)
    case .get(let parameters): parameters.write(&writer)
    case .list(let parameters): parameters.write(&writer)
    case .count(let parameters): parameters.write(&writer)
    case .remove(let parameters): parameters.write(&writer)
    case .create(let collection), .drop(let collection): writer.field("collection", collection)
    case .collections, .status, .metrics: break
    }
  }
}
