import EsViT
import Operators
import Retrieval
import Wire

extension Method {
  /// `search`: the nearest items of each query.
  func search(_ parameters: SearchParameters) async throws -> Wire.SearchAnswer {
    // Before the work of encoding: what would make it worthless.
    let precision = try await engine.archive.checkUsable(parameters.collection)
    let queries = try await resolve(parameters.queries, precision)
    let sound = queries.compactMap { try? $0.get() }
    let start = ContinuousClock.now
    let answer = try await engine.archive.search(
      parameters.collection, queries: sound, k: parameters.k, filter: parameters.filter.map(Retrieval.Filter.init),
      exclude: parameters.exclude.map(Retrieval.Filter.init),
      excludeSame: parameters.excludeSame.flatMap { Field(rawValue: $0.rawValue) },
      distinct: parameters.distinct.flatMap { Field(rawValue: $0.rawValue) }, include: Include(parameters.include),
      limit: limits.answer)
    statistics.record(.search, start.duration(to: .now))
    health.succeeded()
    try checkSize(of: answer)
    var found = answer.results.makeIterator()
    let places: [Result<Neighbours, ErrorObject>] = queries.enumerated().map { index, query in
      query.flatMap { _ in
        let result = found.next() ?? .failure(.invalid("the query was left out"))
        return result.map(neighbours).mapError { mapped($0).at(index) }
      }
    }
    count(places)
    return Wire.SearchAnswer(
      results: places.map(Place.init), searched: answer.searched, unattributed: answer.unattributed)
  }

  private func neighbours(_ answer: QueryAnswer) -> Neighbours {
    Neighbours(answer.neighbours.map { Wire.Neighbour(score: $0.score, item: Wire.StoredItem($0.item)) })
  }

  /// The archive's queries, images encoded; errors carry their query's place.
  private func resolve(
    _ queries: [Result<Wire.Query, ErrorObject>], _ precision: Precision
  ) async throws -> [Result<Retrieval.Query, ErrorObject>] {
    var pictures: [(index: Int, picture: Picture)] = []
    for (index, query) in queries.enumerated() {
      if case .success(let query) = query, case .content(.image(let picture)) = query.subject {
        pictures.append((index, picture))
      }
    }
    let embeddings = try await embed(pictures.map { .success($0.picture) }, precision) { $0.normalized }
    var embedded: [Int: Result<[Float], ErrorObject>] = [:]
    for (place, embedding) in zip(pictures, embeddings) {
      embedded[place.index] = embedding.mapError { $0.at(place.index) }
    }
    return queries.enumerated().map { index, query in
      query.flatMap { query in
        let target: Result<Retrieval.Query.Target, ErrorObject> =
          switch query.subject {
          case .id(let id): .success(.id(id))
          case .content(.embedding(let values)): .success(.embedding(values))
          case .content(.image):
            (embedded[index] ?? .failure(ErrorObject(.internalError, "the query was not encoded")))
              .map { .embedding($0) }
          }
        return target.map { Retrieval.Query($0, slide: query.slide, patient: query.patient, site: query.site) }
      }
    }
  }
}
