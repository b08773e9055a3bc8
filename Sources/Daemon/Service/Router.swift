// Which method answers which request.
import Logging
import Wire

/// Answers the protocol's methods.
struct Router: RequestHandler {
  let readiness: Readiness
  let statistics: Statistics
  let health: DeviceHealth
  let memory: RequestMemory
  let settings: Settings
  let started: ContinuousClock.Instant
  let logger: Logger

  func answer(_ request: Request, context: RequestContext) async -> Answer {
    let id = request.id ?? .null
    statistics.begin(Call.methods.contains(request.method) ? request.method : "unknown")
    do {
      let call = try Call(request, limits: settings.limits)
      let answer = try await answer(call, id: id, context: context)
      statistics.end(context.received.duration(to: .now), error: nil)
      return answer
    } catch {
      let error = ErrorObject(error, health: health)
      statistics.end(context.received.duration(to: .now), error: error.name)
      log(error, of: request, context)
      return Answer(line: ResponseLine.failure(id, error))
    }
  }

  private func answer(_ call: Call, id: RequestID, context: RequestContext) async throws -> Answer {
    switch call {
    case .status: return try answer(id, try await status())
    case .metrics: return try answer(id, MetricsAnswer(text: try await metricsText()))
    case .encode(let parameters): return try answer(id, try await method(context).encode(parameters))
    case .search(let parameters):
      let method = try method(context)
      let lease = try method.lease(forAnswerOf: parameters)
      return try answer(id, try await method.search(parameters), lease)
    case .add(let parameters): return try answer(id, try await method(context).add(parameters))
    case .get(let parameters):
      let method = try method(context)
      let lease = try method.lease(items: parameters.ids.count, parameters.include)
      return try answer(id, try await method.get(parameters), lease)
    case .list(let parameters):
      let method = try method(context)
      let lease = try method.lease(items: parameters.limit, parameters.include)
      return try answer(id, try await method.list(parameters), lease)
    case .count(let parameters): return try answer(id, try await method(context).count(parameters))
    case .remove(let parameters): return try answer(id, try await method(context).remove(parameters))
    case .collections: return try answer(id, try await method(context).collections())
    case .create(let name): return try answer(id, try await method(context).create(name))
    case .drop(let name): return try answer(id, try await method(context).drop(name))
    }
  }

  private func method(_ context: RequestContext) throws -> Method {
    Method(
      engine: try readiness.engine(), context: context, statistics: statistics, health: health, memory: memory,
      limits: settings.limits)
  }

  /// - Throws: `too_large` where the answer would pass the limit of a line, which clients need not read beyond.
  private func answer(
    _ id: RequestID, _ result: some JSONWritable & Sendable, _ lease: MemoryLease? = nil
  ) throws(ErrorObject) -> Answer {
    let line = ResponseLine.success(id, result)
    let limit = max(settings.limits.line, 1 << 20)
    guard line.count <= limit else {
      throw ErrorObject(
        .tooLarge, "the answer has \(line.count) bytes, over the limit of a line, \(limit); ask for less at a time",
        limit: limit)
    }
    return Answer(line: line, leases: lease.map { [$0] } ?? [])
  }

  /// Failures that an operator should see; clients' mistakes are for `debug`.
  private func log(_ error: ErrorObject, of request: Request, _ context: RequestContext) {
    let isOurs = [.internalError, .deviceFailure, .storageFailure].contains(error.code)
    logger.log(
      level: isOurs ? .error : .debug, "request failed",
      metadata: [
        "method": "\(request.method.prefix(64))", "error": "\(error.name)", "message": "\(error.message)",
        "connection": "\(context.connection)",
      ])
  }
}
