/// What a name, an item or a number of things may be at most.
enum Limits {
  static let neighbours = 1000
  static let queries = 256
  /// Neighbours of all queries together that may come with their embedding or thumbnail: some 300 MB.
  static let heavyNeighbours = 16_384
  static let items = 4096
  static let page = 1000
  /// Bytes of UTF-8.
  static let text = 1024
  static let metadataKeys = 64
  static let metadataText = 4096
  static let dimension = 65_536

  static func check(collection name: String, dimension: Int) throws(ArchiveError) {
    guard !name.isEmpty, name.utf8.count <= 128, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw .invalid("a collection's name has 1 to 128 bytes and no control characters")
    }
    guard (1...Self.dimension).contains(dimension) else {
      throw .invalid("a dimension of \(dimension) is not in 1…\(Self.dimension)")
    }
  }

  static func check(_ count: Int, of what: String, limit: Int) throws(ArchiveError) {
    if count > limit { throw .tooLarge(what: "the number of \(what), \(count),", limit: limit) }
  }

  /// - Throws: `.invalid` or `.tooLarge` where the item cannot be stored.
  static func check(_ item: NewItem, in collection: CollectionRecord) throws(ArchiveError) {
    let description = item.description
    if description.id.isEmpty { throw .invalid("an item's id is empty") }
    try check(text: description.id, "id", limit: text)
    for field in Field.allCases { try check(text: description[field], field.rawValue, limit: text) }
    try check(text: description.source, "source", limit: metadataText)
    if let mpp = description.mpp, !(mpp.isFinite && mpp > 0) {
      throw .invalid("mpp of item \"\(description.id)\" is not a positive number")
    }
    if let hash = description.imageSHA256, hash.count != 32 {
      throw .invalid("the SHA-256 of item \"\(description.id)\" has \(hash.count) bytes instead of 32")
    }
    try check(description.metadata ?? [:], of: description.id)
    try check(item.embedding, in: collection)
  }

  /// - Throws: `.dimensionMismatch`, or `.invalid` for one that is zero or not finite.
  static func check(_ embedding: [Float], in collection: CollectionRecord) throws(ArchiveError) {
    guard embedding.count == collection.dimension else {
      throw .dimensionMismatch(
        collection: collection.name, expected: collection.dimension, found: embedding.count)
    }
    guard ResidentScale.isUsable(embedding) else {
      throw .invalid("an embedding is zero or has numbers that are not finite")
    }
  }

  private static func check(_ metadata: [String: MetadataValue], of id: String) throws(ArchiveError) {
    if metadata.count > metadataKeys { throw .tooLarge(what: "the metadata of item \"\(id)\"", limit: metadataKeys) }
    for (key, value) in metadata {
      try check(text: key, "a metadata key", limit: text)
      switch value {
      case .string(let value): try check(text: value, "metadata \"\(key)\"", limit: metadataText)
      case .number(let number) where !number.isFinite:
        throw .invalid("metadata \"\(key)\" of item \"\(id)\" is not a finite number")
      default: break
      }
    }
  }

  /// A NUL would end the text for SQLite and not for Swift.
  private static func check(text: String?, _ what: String, limit: Int) throws(ArchiveError) {
    guard let text else { return }
    if text.utf8.count > limit { throw .tooLarge(what: "\(what), in bytes,", limit: limit) }
    if text.utf8.contains(0) { throw .invalid("\(what) has a NUL character") }
  }
}
