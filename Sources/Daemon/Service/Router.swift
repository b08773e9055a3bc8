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

  func accept(_ request: Request) -> Work {
    let id = request.id ?? .null
    let method = Call.methods.contains(request.method) ? request.method : "unknown"
    let call = Result { () throws(ErrorObject) in try Call(request, limits: settings.limits) }
    return { context in await answer(call, id: id, method: method, context: context) }
  }

  private func answer(
    _ call: Result<Call, ErrorObject>, id: RequestID, method: String, context: RequestContext
  ) async -> Answer {
    statistics.begin(method)
    do {
      let answer = try await answer(call.get(), id: id, context: context)
      statistics.end(context.received.duration(to: .now), error: nil)
      return answer
    } catch {
      let error = ErrorObject(error, health: health)
      statistics.end(context.received.duration(to: .now), error: error.name)
      log(error, of: method, context)
      return Answer(line: ResponseLine.failure(id, error))
    }
  }

  private func answer(_ call: Call, id: RequestID, context: RequestContext) async throws -> Answer {
    switch call {
    case .status: return answer(id, try await status())
    case .metrics: return answer(id, MetricsAnswer(text: try await metricsText()))
    case .encode(let parameters): return try bounded(id, try await method(context).encode(parameters))
    case .search(let parameters):
      let method = try method(context)
      let lease = try await method.lease(forAnswerOf: parameters)
      return try bounded(id, try await method.search(parameters), lease)
    case .add(let parameters): return answer(id, try await method(context).add(parameters))
    case .get(let parameters):
      let method = try method(context)
      let lease = try method.lease(items: parameters.ids.count, parameters.include)
      return try bounded(id, try await method.get(parameters), lease)
    case .list(let parameters):
      let method = try method(context)
      let lease = try await method.lease(forAnswerOf: parameters)
      return try bounded(id, try await method.list(parameters), lease)
    case .count(let parameters): return try bounded(id, try await method(context).count(parameters))
    case .remove(let parameters): return answer(id, try await method(context).remove(parameters))
    case .collections: return try bounded(id, try await method(context).collections())
    case .create(let name): return answer(id, try await method(context).create(name))
    case .drop(let name): return answer(id, try await method(context).drop(name))
    }
  }

  private func method(_ context: RequestContext) throws -> Method {
    Method(
      engine: try readiness.engine(), context: context, statistics: statistics, health: health, memory: memory,
      limits: settings.limits)
  }

  /// An answer that is small by its nature, or that is due because something was changed.
  private func answer(_ id: RequestID, _ result: some JSONWritable & Sendable) -> Answer {
    Answer(line: ResponseLine.success(id, result))
  }

  /// An answer that may be large. Writing stops at the limit of a line, and what it really takes is charged.
  ///
  /// - Parameter lease: what was charged for it by estimate.
  /// - Throws: `too_large`, or `overloaded` where the memory for requests is full.
  private func bounded(
    _ id: RequestID, _ result: some JSONWritable & Sendable, _ lease: MemoryLease? = nil
  ) throws(ErrorObject) -> Answer {
    guard let line = ResponseLine.success(id, result, limit: settings.limits.answer) else {
      throw .answerTooLarge(limit: settings.limits.answer)
    }
    guard line.count > Method.freeAnswer else { return Answer(line: line) }
    let lease = lease ?? MemoryLease(holding: 0, of: memory)
    guard lease.resize(to: line.count) else { throw .answerOverloaded(limit: memory.limit) }
    return Answer(line: line, leases: [lease])
  }

  /// Failures that an operator should see; clients' mistakes are for `debug`.
  private func log(_ error: ErrorObject, of method: String, _ context: RequestContext) {
    let isOurs = [.internalError, .deviceFailure, .storageFailure].contains(error.code)
    logger.log(
      level: isOurs ? .error : .debug, "request failed",
      metadata: [
        "method": "\(method)", "error": "\(error.name)", "message": "\(error.message)",
        "connection": "\(context.connection)",
      ])
  }
}
