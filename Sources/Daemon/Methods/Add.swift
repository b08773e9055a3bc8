import FoundationEssentials
import Retrieval
import Wire

extension Method {
  /// `add`: encodes what is given as an image and stores everything in one transaction.
  func add(_ parameters: AddParameters) async throws -> AddAnswer {
    let collection = parameters.collection
    // Before the work of encoding: what would make it worthless.
    let precision = try await engine.archive.checkUsable(collection)
    var places: [Result<AddedItem, ErrorObject>?] = parameters.items.map { item in
      if case .failure(let error) = item { .failure(error) } else { nil }
    }
    let sound = parameters.items.enumerated().compactMap { index, item in (try? item.get()).map { (index, $0) } }
    let known = try await engine.archive.known(ids: sound.map(\.1.id), in: collection)

    var jobs: [(index: Int, description: ItemDescription, job: ImagePipeline.Job)] = []
    var items: [(index: Int, item: NewItem)] = []
    for ((index, item), known) in zip(sound, known) {
      let description = ItemDescription(item)
      if let known, isConflict(item.content, region: description.region, known, parameters.onConflict) {
        places[index] = .failure(mapped(ArchiveError.itemExists(id: item.id, collection: collection)).at(index))
        continue
      }
      switch item.content {
      case .embedding(let values): items.append((index, NewItem(description, embedding: values)))
      case .image(let picture):
        let hash = parameters.onConflict == .skip ? known?.imageSHA256 : nil
        jobs.append((index, description, ImagePipeline.Job(picture: picture, knownHash: hash)))
      }
    }
    let outcomes = try await engine.images.run(
      jobs.map(\.job), precision: precision, lane: context.connection, thumbnail: engine.thumbnail,
      progress: progress(of: parameters.items.count, from: parameters.items.count - jobs.count))
    for ((index, description, _), outcome) in zip(jobs, outcomes) {
      switch outcome {
      case .success(.known): places[index] = .success(AddedItem(id: description.id, status: .skipped))
      case .success(.encoded(let embedding, let thumbnail, let hash)):
        var description = description
        description.imageSHA256 = hash
        description.encoder = engine.encoderIdentity(precision)
        items.append((index, NewItem(description, embedding: embedding.normalized, thumbnail: thumbnail)))
      case .failure(let error): places[index] = .failure(error.at(index))
      }
    }
    // The insertion order is the request's.
    items.sort { $0.index < $1.index }
    try Task.checkCancellation()
    if !items.isEmpty {
      let stored = try await engine.archive.add(
        items.map(\.item), to: collection,
        onConflict: Retrieval.ConflictPolicy(rawValue: parameters.onConflict.rawValue) ?? .error)
      health.succeeded()
      for ((index, item), outcome) in zip(items, stored) {
        places[index] = self.place(of: item.description.id, outcome, at: index)
      }
    }
    let outcome = places.map { $0 ?? .failure(ErrorObject(.internalError, "the item was left out")) }
    count(outcome)
    return AddAnswer(items: outcome.map(Place.init))
  }

  /// Whether what is stored under an item's id rules the item out before its image is looked at.
  private func isConflict(
    _ content: Content, region: SlideRegion?, _ known: KnownItem, _ policy: Wire.ConflictPolicy
  ) -> Bool {
    switch (policy, content) {
    case (.error, _): true
    case (.skip, .image): known.region != region
    case (.skip, .embedding), (.replace, _): false
    }
  }

  private func place(of id: String, _ outcome: AddOutcome, at index: Int) -> Result<AddedItem, ErrorObject> {
    switch outcome {
    case .stored, .replaced: .success(AddedItem(id: id, status: .stored))
    case .skipped: .success(AddedItem(id: id, status: .skipped))
    case .failed(let error): .failure(mapped(error).at(index))
    }
  }
}
