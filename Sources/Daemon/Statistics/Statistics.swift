// What the daemon counts and times.
import Histogram
import Synchronization

/// The stages of a request that are timed.
package enum Stage: String, Sendable, CaseIterable {
  /// A file's bytes to pixels, an image.
  case decode
  /// In the queue, from decoded to its batch's start, an image.
  case wait
  /// A batch on the device.
  case encode
  /// The search on the device and the reading of what it found, a request.
  case search
  /// A request, from its line's last byte to its answer's first.
  case total
}

/// Counters and latency histograms, recorded from any thread.
package final class Statistics: Sendable {
  /// A copy of all numbers at one moment.
  package struct Snapshot: Sendable {
    package var requests: [String: Int] = [:]
    package var errors: [String: Int] = [:]
    package var stages: [Stage: Latency] = [:]
    package var images = 0
    package var batches = 0
    package var connections = 0
    package var connectionsOpened = 0
    package var inHand = 0
  }

  /// One stage's latencies in seconds.
  package struct Latency: Sendable {
    package var count = 0
    package var sum = 0.0
    package var p50 = 0.0
    package var p90 = 0.0
    package var p99 = 0.0
    package var max = 0.0
  }

  private struct Timings {
    // Microseconds; three digits hold from 1 µs to an hour, what is longer counts as an hour.
    var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    var sum = 0.0

    mutating func record(_ duration: Duration) {
      histogram.record(UInt64(min(max(duration.microseconds, 0), 3_600_000_000)))
      sum += duration.seconds
    }

    var latency: Latency {
      guard histogram.totalCount > 0 else { return Latency() }
      let seconds = histogram.values(atPercentiles: [50, 90, 99]).map { Double($0) / 1e6 }
      return Latency(
        count: Int(histogram.totalCount), sum: sum, p50: seconds[0], p90: seconds[1], p99: seconds[2],
        max: Double(histogram.maxRecorded) / 1e6)
    }
  }

  private struct State {
    var counters = Snapshot()
    var timings: [Stage: Timings] = Dictionary(uniqueKeysWithValues: Stage.allCases.map { ($0, Timings()) })

    mutating func record(_ stage: Stage, _ duration: Duration) {
      timings[stage]?.record(duration)
    }
  }

  private let state = Mutex(State())

  package init() {}

  /// A stage took so long.
  package func record(_ stage: Stage, _ duration: Duration) {
    state.withLock { $0.record(stage, duration) }
  }

  /// A batch was encoded.
  package func recordBatch(_ images: Int, _ duration: Duration) {
    state.withLock { state in
      state.record(.encode, duration)
      state.counters.images += images
      state.counters.batches += 1
    }
  }

  /// A request came in. - Parameter method: one of the protocol's, else `unknown` is counted, so that clients cannot
  /// make counters without end.
  package func begin(_ method: String) {
    state.withLock { state in
      state.counters.requests[method, default: 0] += 1
      state.counters.inHand += 1
    }
  }

  /// A request was answered, with an error's name where it failed as a whole.
  package func end(_ duration: Duration, error: String?) {
    state.withLock { state in
      state.counters.inHand -= 1
      state.record(.total, duration)
      if let error { state.counters.errors[error, default: 0] += 1 }
    }
  }

  /// An error that is not the whole answer of a request: of a line, or of one item.
  package func count(error: String) {
    state.withLock { $0.counters.errors[error, default: 0] += 1 }
  }

  /// A connection was opened.
  package func connectionOpened() {
    state.withLock { state in
      state.counters.connections += 1
      state.counters.connectionsOpened += 1
    }
  }

  /// A connection was closed.
  package func connectionClosed() {
    state.withLock { $0.counters.connections -= 1 }
  }

  /// All numbers now.
  package var snapshot: Snapshot {
    // Every request takes the lock: under it the numbers are only copied, and the percentiles computed afterwards.
    let (counters, timings) = state.withLock { ($0.counters, $0.timings) }
    var snapshot = counters
    for (stage, timings) in timings { snapshot.stages[stage] = timings.latency }
    return snapshot
  }
}
