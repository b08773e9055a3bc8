/// Which items of a collection: all conditions hold at once, each for any of its values.
package struct Filter: Sendable, Equatable {
  /// The item's field is one of these values. An empty list matches nothing.
  package var fields: [Field: [String]]
  /// The item's metadata has this key with one of these values.
  package var metadata: [String: [MetadataValue]]

  package init(fields: [Field: [String]] = [:], metadata: [String: [MetadataValue]] = [:]) {
    self.fields = fields
    self.metadata = metadata
  }

  /// True where it has no condition and so matches every item.
  package var isEmpty: Bool { fields.isEmpty && metadata.isEmpty }
}
