import Operators

/// The model that an archive's embeddings come from.
package struct ModelIdentity: Sendable, Equatable {
  /// Hexadecimal SHA-256.
  package var fingerprint: String
  package var name: String
  package var dimension: Int
  /// The checkpoint's header, kept beside the fingerprint so that old collections explain themselves.
  package var header: [String: String]

  package init(fingerprint: String, name: String, dimension: Int, header: [String: String] = [:]) {
    self.fingerprint = fingerprint
    self.name = name
    self.dimension = dimension
    self.header = header
  }
}

/// A collection and what it holds.
package struct CollectionInfo: Sendable, Equatable {
  package var name: String
  package var dimension: Int
  /// Hexadecimal SHA-256 of the model whose embeddings it takes.
  package var modelFingerprint: String
  package var modelName: String
  /// The precision at which its images are encoded, those of queries too.
  package var precision: Precision
  package var count: Int
  /// Bytes of embeddings, metadata and thumbnails on disk.
  package var bytes: Int
  /// Bytes of device memory reserved for its vectors; 0 for a collection of another model.
  package var deviceBytes: Int

  init(_ record: CollectionRecord, deviceBytes: Int = 0) {
    name = record.name
    dimension = record.dimension
    modelFingerprint = record.modelFingerprint
    modelName = record.modelName
    precision = record.precision
    count = record.count
    bytes = record.bytes
    self.deviceBytes = deviceBytes
  }
}

/// Items in insertion order.
package struct ItemPage: Sendable, Equatable {
  package var items: [StoredItem]
  /// The id to pass as `after` for the next page; nil where this is the last.
  package var next: String?
}

/// How many items, in all and by the values of a field.
package struct ItemCount: Sendable, Equatable {
  package struct Group: Sendable, Equatable {
    /// Nil for the items that lack the field.
    package var value: String?
    package var count: Int
  }
  package var total: Int
  /// Largest first, then by value; empty where no field was asked for.
  package var groups: [Group]
}
