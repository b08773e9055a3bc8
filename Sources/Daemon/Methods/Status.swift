import Retrieval
import Wire

extension Router {
  /// `status`: answered at any time, also while the daemon loads.
  func status() async throws -> StatusAnswer {
    let (state, doing, engine) = condition
    let numbers = statistics.snapshot
    var counts: JSONObject = [:]
    counts["requests"] = .integer(Int64(numbers.requests.values.reduce(0, +)))
    counts["errors"] = .integer(Int64(numbers.errors.values.reduce(0, +)))
    counts["images"] = .integer(Int64(numbers.images))
    counts["batches"] = .integer(Int64(numbers.batches))
    counts["connections_opened"] = .integer(Int64(numbers.connectionsOpened))
    counts["bytes_in_hand"] = .integer(Int64(memory.inHand))
    return StatusAnswer(
      version: DaemonVersion.current, state: state, doing: doing,
      device: engine.map { engine in
        StatusAnswer.Device(
          name: engine.device.name, platform: engine.device.platformName, kind: engine.device.kind.rawValue,
          driver: engine.device.driverVersion)
      },
      model: engine.map {
        StatusAnswer.Model(
          name: $0.modelName, fingerprint: $0.fingerprint, dimension: $0.dimension, precision: $0.precision.rawValue)
      },
      uptime: started.duration(to: .now).seconds, queueDepth: await engine?.scheduler.inHand ?? 0,
      queueCapacity: settings.queueLength, connections: numbers.connections, counts: counts,
      collections: try await collections(engine),
      latency: Stage.allCases.map { stage in
        let latency = numbers.stages[stage] ?? Statistics.Latency()
        return StatusAnswer.Latency(
          stage: stage.rawValue, count: latency.count, p50: latency.p50 * 1000, p90: latency.p90 * 1000,
          p99: latency.p99 * 1000, maximum: latency.max * 1000)
      }, limits: settings.limits)
  }

  /// The daemon's state as a word, what it is doing, and its engine once there is one.
  var condition: (state: String, doing: String?, engine: Engine?) {
    switch readiness.now {
    case .loading(let doing): ("loading", doing, nil)
    case .ready(let engine): ("ready", nil, engine)
    case .draining(let engine): ("draining", nil, engine)
    }
  }

  private func collections(_ engine: Engine?) async throws -> [CollectionDescription] {
    guard let engine else { return [] }
    return try await engine.archive.storedCollections().map(CollectionDescription.init)
  }
}
