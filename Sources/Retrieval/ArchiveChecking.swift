extension Archive {
  /// Whether `add` and `search` can work on a collection; asked before the images of a request are encoded.
  ///
  /// - Throws: `.collectionNotFound`, or `.modelMismatch` where its embeddings are another model's.
  package func checkUsable(_ name: String) throws(ArchiveError) {
    _ = try index(of: find(name))
  }
}
