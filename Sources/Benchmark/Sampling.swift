/// How often a thing is done to know how long it takes.
package struct Sampling: Sendable {
  /// Not measured: caches fill, clocks rise.
  package var warmUps = 2
  /// However long they take.
  package var atLeast = 5
  /// Enough, once `settled` has passed too.
  package var runs = 200
  /// What is quick is done for this long, so that a moment's disturbance is not all there is.
  package var settled: Duration = .seconds(2)
  /// No further run is begun after this time, once there are `atLeast`.
  package var duration: Duration = .seconds(20)
  package var atMost = 20_000

  package init() {}

  /// The same for what takes many times as long: what is warm stays warm.
  var brief: Sampling {
    var brief = self
    brief.warmUps = 1
    brief.runs = 10
    brief.atLeast = min(3, atLeast)
    return brief
  }

  private func isEnough(_ count: Int, after elapsed: Duration) -> Bool {
    guard count >= atLeast else { return false }
    return count >= atMost || elapsed >= duration || count >= runs && elapsed >= settled
  }

  /// The time of each run of `body`, in milliseconds.
  func times(_ body: () throws -> Void) rethrows -> [Double] {
    for _ in 0..<warmUps { try body() }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    while !isEnough(times.count, after: clock.now - start) { times.append(try clock.measure(body).milliseconds) }
    return times
  }

  /// The same for what has to be awaited.
  nonisolated(nonsending) func times(_ body: () async throws -> Void) async rethrows -> [Double] {
    for _ in 0..<warmUps { try await body() }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    while !isEnough(times.count, after: clock.now - start) { times.append(try await clock.measure(body).milliseconds) }
    return times
  }

  /// - Throws: `BenchmarkError.noSample` where nothing may be done.
  func distribution(_ body: () throws -> Void) throws -> Distribution { try Self.distribution(of: times(body)) }

  /// The same for what has to be awaited.
  nonisolated(nonsending) func distribution(_ body: () async throws -> Void) async throws -> Distribution {
    try Self.distribution(of: try await times(body))
  }

  private static func distribution(of times: [Double]) throws -> Distribution {
    guard let distribution = Distribution(milliseconds: times) else { throw BenchmarkError.noSample }
    return distribution
  }
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15 }
}
