/// The times of one thing done again and again.
package struct Distribution: Sendable, Equatable, Codable {
  package let samples: Int
  /// Milliseconds; percentiles by nearest rank, so that each is a time that was measured.
  package let minimum: Double
  package let p50: Double
  package let p90: Double
  package let p99: Double

  /// Nil where there is no time.
  package init?(milliseconds: [Double]) {
    let sorted = milliseconds.sorted()
    guard let first = sorted.first else { return nil }
    func percentile(_ share: Int) -> Double { sorted[(sorted.count * share + 99) / 100 - 1] }
    samples = sorted.count
    minimum = first
    p50 = percentile(50)
    p90 = percentile(90)
    p99 = percentile(99)
  }
}
