// What every method has at hand.
import Wire

/// One request's surroundings; the methods themselves are its extensions.
struct Method: Sendable {
  let engine: Engine
  let context: RequestContext
  let statistics: Statistics
  let health: DeviceHealth
  let memory: RequestMemory
  let limits: Limits

  /// A room's error as the protocol's.
  func mapped(_ error: any Error) -> ErrorObject { ErrorObject(error, health: health) }

  /// Counts the errors of single items.
  func count<Value>(_ places: [Result<Value, ErrorObject>]) {
    for case .failure(let error) in places { statistics.count(error: error.name) }
  }

  /// Tells the client how many of `total` are done.
  func progress(of total: Int, from first: Int = 0) -> (@Sendable (Int) async -> Void)? {
    guard let send = context.progress else { return nil }
    return { done in await send(first + done, total) }
  }
}

// MARK: - Large answers

extension Method {
  /// Bytes that an item takes in an answer, estimated from above for ordinary items.
  private func bytesPerItem(_ include: Set<IncludeField>) -> Int {
    var bytes = 256
    if include.contains(.embedding) { bytes += 13 * engine.dimension }
    if include.contains(.thumbnail) { bytes += 20 << 10 }
    if include.contains(.metadata) { bytes += 4 << 10 }
    return bytes
  }

  /// Room for the answer with `items` items, held until it is sent; nil for small ones.
  ///
  /// - Throws: `too_large` where it would not fit a line, `overloaded` where the memory for requests is full.
  func lease(items: Int, _ include: Set<IncludeField>) throws(ErrorObject) -> MemoryLease? {
    let bytes = items * bytesPerItem(include)
    guard bytes <= limits.line else {
      throw ErrorObject(
        .tooLarge,
        "the answer with \(items) items could pass the limit of a line, \(limits.line) bytes; ask for fewer, or include less",
        limit: limits.line)
    }
    guard bytes > 64 << 10 else { return nil }
    guard memory.take(bytes) else {
      throw ErrorObject(
        .overloaded, "the memory for requests is full (\(memory.limit) bytes in hand); try again, or ask for less",
        limit: memory.limit)
    }
    return MemoryLease(holding: bytes, of: memory)
  }

  /// Room for the answer of a search.
  func lease(forAnswerOf parameters: SearchParameters) throws(ErrorObject) -> MemoryLease? {
    try lease(items: parameters.queries.count * parameters.k, parameters.include)
  }
}
