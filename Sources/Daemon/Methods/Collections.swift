import Retrieval
import Wire

extension Method {
  /// `collections`: all of them, by name.
  func collections() async throws -> CollectionsAnswer {
    CollectionsAnswer(collections: try await engine.archive.storedCollections().map(CollectionDescription.init))
  }

  /// `create`: an empty collection for the loaded model's embeddings.
  func create(_ name: String) async throws -> CollectionDescription {
    CollectionDescription(try await engine.archive.create(name, precision: engine.precision))
  }

  /// `drop`: a collection with everything in it; answers what it was.
  func drop(_ name: String) async throws -> CollectionDescription {
    let known = try await engine.archive.storedCollection(name)
    try await engine.archive.drop(name)
    return CollectionDescription(known)
  }
}
