// A queue that is fair among clients.

/// Waiting jobs, a lane a client; lanes are served in turn, so that a client with a thousand images and one with a
/// single image each get their place in the next batch. Within a lane the order of arrival holds.
struct Lanes<Job> {
  /// Which client a job belongs to: its connection's number.
  typealias Lane = Int

  private var lanes: [Lane: [Job]] = [:]
  /// The lanes that have jobs, the next one to be served first.
  private var turn: [Lane] = []
  /// Jobs waiting in all lanes.
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// The jobs in no order.
  var jobs: some Sequence<Job> { lanes.values.joined() }

  mutating func append(_ job: Job, lane: Lane) {
    if lanes[lane, default: []].isEmpty { turn.append(lane) }
    lanes[lane, default: []].append(job)
    count += 1
  }

  /// Takes up to `limit` jobs, one lane after the other.
  mutating func take(_ limit: Int) -> [Job] {
    var taken: [Job] = []
    while taken.count < limit, !turn.isEmpty {
      let lane = turn.removeFirst()
      guard let job = lanes[lane]?.removeFirst() else { continue }
      taken.append(job)
      count -= 1
      if lanes[lane]?.isEmpty == true { lanes[lane] = nil } else { turn.append(lane) }
    }
    return taken
  }

  /// Takes out the first job of `lane` that `matches`.
  mutating func remove(lane: Lane, where matches: (Job) -> Bool) -> Job? {
    guard let index = lanes[lane]?.firstIndex(where: matches), let job = lanes[lane]?.remove(at: index) else {
      return nil
    }
    count -= 1
    if lanes[lane]?.isEmpty == true {
      lanes[lane] = nil
      turn.removeAll { $0 == lane }
    }
    return job
  }
}
