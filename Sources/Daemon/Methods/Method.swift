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
