// How large an answer may be, before and while it is made.
import Retrieval
import Wire

extension Method {
  /// Answers up to this size are not charged to the memory for requests.
  static let freeAnswer = 64 << 10

  /// Bytes that an item takes in an answer: in any case, and if it is an ordinary one.
  private func bytesPerItem(_ include: Set<IncludeField>) -> (least: Int, usual: Int) {
    var bytes = (least: 20, usual: 256)
    if include.contains(.embedding) {
      // From `0.0,` to `-0.012345678,`.
      bytes.least += 4 * engine.dimension
      bytes.usual += 13 * engine.dimension
    }
    if include.contains(.thumbnail) { bytes.usual += 20 << 10 }
    if include.contains(.metadata) { bytes.usual += 4 << 10 }
    return bytes
  }

  /// Room for the answer with `items` items, held until it is sent; nil for small ones. What it really takes is known
  /// once it is written.
  ///
  /// - Throws: `too_large` where it cannot fit a line, `overloaded` where the memory for requests is full.
  func lease(items: Int, _ include: Set<IncludeField>) throws(ErrorObject) -> MemoryLease? {
    let (least, usual) = bytesPerItem(include)
    guard items * least <= limits.answer else { throw .answerTooLarge(limit: limits.answer) }
    let bytes = min(items * usual, limits.answer)
    guard bytes > Self.freeAnswer else { return nil }
    guard let lease = memory.lease(bytes) else { throw .answerOverloaded(limit: memory.limit) }
    return lease
  }

  /// Room for the answer of a search.
  func lease(forAnswerOf parameters: SearchParameters) async throws -> MemoryLease? {
    let k = try await items(upTo: parameters.k, in: parameters.collection)
    return try lease(items: parameters.queries.count * k, parameters.include)
  }

  /// Room for a page.
  func lease(forAnswerOf parameters: ListParameters) async throws -> MemoryLease? {
    try lease(items: try await items(upTo: parameters.limit, in: parameters.collection), parameters.include)
  }

  /// How many of `most` items there can be; a few are not worth asking the store.
  private func items(upTo most: Int, in collection: String) async throws -> Int {
    most <= 10 ? most : min(most, try await engine.archive.storedCollection(collection).count)
  }

  /// Counts down what the answer to a search takes at least.
  ///
  /// - Throws: `too_large` as soon as it cannot fit a line: turning what was found into an answer costs more than that.
  func checkSize(of answer: Retrieval.SearchAnswer) throws(ErrorObject) {
    var room = limits.answer
    for case .success(let query) in answer.results {
      // Each has at least `{"id":"","score":1}` about its content.
      for neighbour in query.neighbours { room -= neighbour.item.contentBytes + 20 }
      guard room >= 0 else { throw .answerTooLarge(limit: limits.answer) }
    }
  }
}

extension ErrorObject {
  static func answerTooLarge(limit: Int) -> ErrorObject {
    ErrorObject(
      .tooLarge, "the answer passes the limit of a line, \(limit) bytes; ask for fewer, or include less", limit: limit)
  }

  static func answerOverloaded(limit: Int) -> ErrorObject {
    ErrorObject(
      .overloaded, "the memory for requests is full (\(limit) bytes in hand); try again, or ask for less", limit: limit)
  }
}
