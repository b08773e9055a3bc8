import Glibc
import Wire

extension Connection {
  /// Sends requests one after the other and keeps `depth` of them in flight, so that the daemon always has the next
  /// one at hand while files are read here. A request that is turned away for the moment is sent again.
  /// - Parameters:
  ///   - next: the next request and what it is about; nil when there are no more.
  ///   - answered: called for each answer, in the order of their arrival.
  func pipeline<Subject>(
    depth: Int = Connection.requestsInFlight, next: () throws(ClientError) -> (call: Call, subject: Subject)?,
    answered: (Subject, Result<JSONValue, ErrorObject>) throws(ClientError) -> Void
  ) throws(ClientError) {
    var inFlight: [RequestID: Attempt<Subject>] = [:]
    var finished = false
    while true {
      while !finished, inFlight.count < depth {
        guard let (call, subject) = try next() else {
          finished = true
          break
        }
        let id = nextID()
        let attempt = Attempt(line: call.line(id: id), subject: subject)
        inFlight[id] = attempt
        try send(attempt.line)
      }
      guard !inFlight.isEmpty else { return }
      guard case .answer(let id, let outcome) = try receive() else { continue }
      if id == .null, case .failure(let error) = outcome { throw .request(error) }
      guard var attempt = inFlight.removeValue(forKey: id) else { continue }
      if case .failure(let error) = outcome, let pause = attempt.pause(after: error) {
        usleep(pause)
        inFlight[id] = attempt
        try send(attempt.line)
        continue
      }
      try answered(attempt.subject, outcome)
    }
  }
}

/// A request on its way, kept so that it can be sent again.
private struct Attempt<Subject> {
  let line: [UInt8]
  let subject: Subject
  private var refusals = 0

  init(line: [UInt8], subject: Subject) {
    self.line = line
    self.subject = subject
  }

  /// Microseconds to wait before the next try, doubling up to two seconds, a minute in all; nil to give up.
  mutating func pause(after error: ErrorObject) -> UInt32? {
    guard error.code == .overloaded || error.code == .notReady, refusals < 35 else { return nil }
    defer { refusals += 1 }
    return 50_000 << UInt32(min(refusals, 5))
  }
}
