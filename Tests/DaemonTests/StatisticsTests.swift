import Histogram
import Testing

@testable import Daemon

@Suite("Latencies")
struct StatisticsTests {
  @Test("percentiles equal those of the sorted latencies to three digits, and the maximum to the microsecond")
  func percentiles() {
    for count in [1, 2, 3, 99, 100, 101, 5000] {
      var random = SystemRandomNumberGenerator()
      // From microseconds to minutes.
      let latencies = (0..<count).map { _ in UInt64.random(in: 0..<(1 << UInt64.random(in: 1...28, using: &random))) }
      let statistics = Statistics()
      for latency in latencies { statistics.record(.search, .microseconds(Int64(latency))) }
      let sorted = latencies.sorted()
      let found = statistics.snapshot.stages[.search] ?? Statistics.Latency()
      #expect(found.count == count)
      for (share, seconds) in [(50, found.p50), (90, found.p90), (99, found.p99)] {
        // The nearest-rank definition: the least value that at least this share of all does not exceed.
        let truth = Double(sorted[(count * share + 99) / 100 - 1])
        #expect(abs(seconds * 1e6 - truth) <= truth / 1000, "\(share) % of \(count)")
      }
      #expect(Int((found.max * 1e6).rounded()) == Int(sorted[count - 1]))
    }
    let never = Statistics().snapshot.stages[.search] ?? Statistics.Latency()
    #expect(never.count == 0 && never.p50 == 0 && never.max == 0)
  }

  @Test("one pass gives what the library gives for each percentile")
  func onePass() {
    var histogram = Histogram<UInt64>(highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    let percentiles = [0.1, 1, 25, 50, 75, 90, 99, 99.9, 99.99]
    #expect(histogram.values(atPercentiles: percentiles) == percentiles.map { _ in 0 })
    for value in [0, 0, 1, 2047, 2048, 100_000, 3_599_999_999] as [UInt64] {
      histogram.record(value)
      #expect(histogram.values(atPercentiles: percentiles) == percentiles.map { histogram.valueAtPercentile($0) })
    }
  }
}
