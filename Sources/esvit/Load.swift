import Glibc
import Histogram
import Wire

/// A number of clients, each with a connection of its own: it sends a request, waits for the answer, sends the next.
///
/// All of them live on one thread, so that they take little of the processor that they share with the daemon.
struct Load {
  /// A request that is sent again and again.
  struct Subject {
    /// What it is about, for a message.
    var name: String
    var line: [UInt8]
  }

  /// What the clients saw.
  struct Outcome {
    /// Microseconds from a request's first byte to its answer; three digits hold up to an hour.
    var latency = Histogram<UInt64>(highestTrackableValue: 3_600_000_000)
    /// Of all latencies, in seconds.
    var sum = 0.0
    /// Requests that were answered within the time, and those that were turned away as `overloaded`.
    var answered = 0
    var refused = 0
    var seconds = 0.0

    /// Milliseconds.
    func percentile(_ percent: Double) -> Double { Double(latency.valueAtPercentile(percent)) / 1e3 }
    var mean: Double { answered == 0 ? 0 : sum / Double(answered) * 1e3 }
    var perSecond: Double { seconds > 0 ? Double(answered) / seconds : 0 }
  }

  private enum State {
    case waiting(subject: Int, since: ContinuousClock.Instant)
    /// Turned away: asks again later.
    case pausing(until: ContinuousClock.Instant)
    case done
  }

  /// How long a client that was turned away waits: as long as `esvit add` does at first.
  private static let pause = Duration.milliseconds(50)

  private let connections: [Connection]
  private let subjects: [Subject]
  private let failure: (JSONValue) -> ErrorObject?
  private var states: [State]
  private var next = 0

  /// - Parameters:
  ///   - connections: one a client.
  ///   - subjects: what is asked, in turn; at least one.
  ///   - failure: what is wrong with a result, if anything.
  init(_ connections: [Connection], _ subjects: [Subject], failure: @escaping (JSONValue) -> ErrorObject?) {
    (self.connections, self.subjects, self.failure) = (connections, subjects, failure)
    states = connections.map { _ in .done }
  }

  /// Asks for so many seconds, then waits for what is still in flight, which does not count.
  /// - Throws: what ends the measurement: an error but `overloaded`, a lost connection.
  mutating func run(seconds: Double) throws(ClientError) -> Outcome {
    var outcome = Outcome()
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    for client in connections.indices { try ask(client) }
    while true {
      let now = ContinuousClock.now
      for (client, state) in states.enumerated() {
        guard case .pausing(let until) = state, now >= until || now >= end else { continue }
        if now < end { try ask(client) } else { states[client] = .done }
      }
      let asking = states.indices.filter { if case .done = states[$0] { false } else { true } }
      guard !asking.isEmpty else { break }
      let isPausing = states.contains { if case .pausing = $0 { true } else { false } }
      let ready = try Connection.readable(asking.map { connections[$0] }, milliseconds: isPausing ? 5 : -1)
      for client in ready.map({ asking[$0] }) { try take(client, before: end, &outcome) }
    }
    outcome.seconds = seconds
    return outcome
  }

  private mutating func ask(_ client: Int) throws(ClientError) {
    let subject = next % subjects.count
    next += 1
    states[client] = .waiting(subject: subject, since: .now)
    try connections[client].send(subjects[subject].line)
  }

  private mutating func take(
    _ client: Int, before end: ContinuousClock.Instant, _ outcome: inout Outcome
  ) throws(ClientError) {
    guard case .answer(_, let answer) = try connections[client].receive(),
      case .waiting(let subject, let since) = states[client]
    else { return }
    let now = ContinuousClock.now
    var error: ErrorObject?
    switch answer {
    case .failure(let refusal): error = refusal
    case .success(let result): error = failure(result)
    }
    if let error, error.code != .overloaded {
      throw .nothing("\(subjects[subject].name): \(error.message) [\(error.name)]")
    }
    guard now < end else { return states[client] = .done }
    guard error == nil else {
      outcome.refused += 1
      return states[client] = .pausing(until: now + Self.pause)
    }
    let took = since.duration(to: now)
    let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18
    outcome.latency.record(UInt64(min(max(seconds * 1e6, 0), 3.6e9)))
    outcome.sum += seconds
    outcome.answered += 1
    try ask(client)
  }
}
