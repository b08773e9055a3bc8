import Operators

/// What is answered from the store alone, so that it need not wait for the device to finish a batch.
extension Archive {
  /// All collections, by name, as the store knows them: `deviceBytes` is 0.
  package nonisolated func storedCollections() async throws(ArchiveError) -> [CollectionInfo] {
    try await store.collections().map { CollectionInfo($0) }
  }

  /// One collection, as the store knows it. - Throws: `.collectionNotFound`.
  package nonisolated func storedCollection(_ name: String) async throws(ArchiveError) -> CollectionInfo {
    let collections = try await storedCollections()
    guard let collection = collections.first(where: { ExactString($0.name) == ExactString(name) }) else {
      throw .collectionNotFound(name)
    }
    return collection
  }

  /// Whether `add` and `search` can work on a collection; asked before the images of a request are encoded.
  ///
  /// - Returns: the precision at which they are to be encoded.
  /// - Throws: `.collectionNotFound`, or `.modelMismatch` where its embeddings are another model's.
  package nonisolated func checkUsable(_ name: String) async throws(ArchiveError) -> Precision {
    guard let record = try await store.collections().first(where: { ExactString($0.name) == ExactString(name) }) else {
      throw .collectionNotFound(name)
    }
    guard record.modelFingerprint == model.fingerprint else {
      throw .modelMismatch(
        collection: name, collectionModel: record.modelFingerprint, loadedModel: model.fingerprint)
    }
    return record.precision
  }
}
