/// How often a thing is done to know how long it takes.
package struct Sampling: Sendable {
  /// Not measured: caches fill, clocks rise.
  package var warmUps = 2
  package var atLeast = 10
  package var atMost = 2000
  /// No further sample is begun after this time, once there are `atLeast`.
  package var duration: Duration = .seconds(10)

  package init() {}

  /// The time of each run of `body`, in milliseconds.
  func times(_ body: () throws -> Void) rethrows -> [Double] {
    for _ in 0..<warmUps { try body() }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    while times.count < atLeast || times.count < atMost && clock.now - start < duration {
      times.append(try clock.measure(body).milliseconds)
    }
    return times
  }

  /// The same for what has to be awaited.
  func times(_ body: () async throws -> Void) async rethrows -> [Double] {
    for _ in 0..<warmUps { try await body() }
    let clock = ContinuousClock()
    let start = clock.now
    var times: [Double] = []
    while times.count < atLeast || times.count < atMost && clock.now - start < duration {
      times.append(try await clock.measure(body).milliseconds)
    }
    return times
  }
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15 }
}
