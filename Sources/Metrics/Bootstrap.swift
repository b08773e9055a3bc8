/// A small generator with the same sequence everywhere (SplitMix64; Steele, Lea and Flood 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number below `bound`, by the high half of a product: its bias is below bound / 2^64.
  package mutating func index(below bound: Int) -> Int {
    Int(UInt64(bound).multipliedFullWidth(by: next()).high)
  }
}

/// Between which values a mean lies.
package struct Interval: Sendable, Equatable {
  package var low: Double
  package var high: Double

  package init(low: Double, high: Double) {
    self.low = low
    self.high = high
  }
}

/// Percentile intervals of means by resampling whole groups, since tiles of one patient or slide are no independent
/// observations (Field and Welsh 2007, cluster bootstrap).
package enum Bootstrap {
  /// Resamples that an interval rests on.
  package static let resamples = 2_000
  package static let seed: UInt64 = 20_261_124

  /// One 95 % interval a column.
  /// - Parameters:
  ///   - columns: the values of each metric, one an observation; all of one length.
  ///   - groups: each observation's group; an observation without one is a group of its own.
  /// - Returns: the 2.5th and 97.5th percentile of each column's mean, nil where there is no observation.
  package static func intervals(
    of columns: [[Double]], groups: [String?], resamples: Int = Self.resamples, seed: UInt64 = Self.seed
  ) -> [Interval]? {
    guard !groups.isEmpty, resamples > 0, columns.allSatisfy({ $0.count == groups.count }) else { return nil }
    let members = memberships(of: groups)
    // Sums a group, so that a resample costs one addition a group and column.
    let counts = members.map { Double($0.count) }
    let sums = columns.map { column in members.map { group in group.reduce(0) { $0 + column[$1] } } }
    var generator = SplitMix64(seed: seed)
    var means = columns.map { _ in [Double]() }
    var drawn = [Int](repeating: 0, count: members.count)
    for _ in 0..<resamples {
      var count = 0.0
      for place in drawn.indices {
        drawn[place] = generator.index(below: members.count)
        count += counts[drawn[place]]
      }
      for column in sums.indices {
        means[column].append(drawn.reduce(0) { $0 + sums[column][$1] } / count)
      }
    }
    return means.map { means in
      let sorted = means.sorted()
      return Interval(low: percentile(0.025, of: sorted), high: percentile(0.975, of: sorted))
    }
  }

  /// The observations of each group, groups in the order of their first member.
  private static func memberships(of groups: [String?]) -> [[Int]] {
    var members: [[Int]] = []
    var places: [String: Int] = [:]
    for (index, group) in groups.enumerated() {
      if let group, let place = places[group] {
        members[place].append(index)
      } else {
        if let group { places[group] = members.count }
        members.append([index])
      }
    }
    return members
  }

  /// The value below which a share of the sorted numbers lies, interpolated linearly (NumPy's default).
  package static func percentile(_ share: Double, of sorted: [Double]) -> Double {
    guard let last = sorted.indices.last else { return .nan }
    let place = share * Double(last)
    let lower = min(max(Int(place), 0), last)
    let upper = min(lower + 1, last)
    return sorted[lower] + (sorted[upper] - sorted[lower]) * (place - Double(lower))
  }
}
