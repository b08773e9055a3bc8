import Testing

@testable import Metrics

@Suite("Evaluation")
struct EvaluationTests {
  /// The queries of make_truth.py's `data`.
  private func queries() -> [EvaluatedQuery] {
    let names = ["a", "b", "c"]
    var draw = SplitMix64(seed: 7)
    func take(_ bound: UInt64) -> Int { Int(draw.next() % bound) }
    return (0..<60).map { _ in
      let label = take(3)
      let chance = [90, 60, 30][label]
      let neighbours = (0..<10).map { _ in
        let hit = take(100) < chance
        let other = take(2)
        return names[hit ? label : (label + 1 + other) % 3]
      }
      let group = "g\(take(8))"
      let hits = neighbours.count { $0 == names[label] }
      return EvaluatedQuery(label: names[label], neighbours: neighbours, relevant: max(take(20), hits), group: group)
    }
  }

  @Test("means, intervals and classes equal NumPy's (make_truth.py)")
  func numpy() throws {
    let truth: [(Metric, Double, Double, Double, [Double])] = [
      (
        .averagePrecisionOverHits, 0.699167947425884, 0.6438167547484944, 0.7650635850775115,
        [0.943067759511212, 0.6312459845049131, 0.49617612670068023]
      ),
      (
        .averagePrecisionOverK, 0.4807301587301588, 0.39806972719643413, 0.5733370612064752,
        [0.8715793650793652, 0.3439434523809524, 0.19734871031746032]
      ),
      (
        .averagePrecisionOverReachable, 0.5642795493197279, 0.4927995550536784, 0.6379732359045311,
        [0.9214156746031745, 0.46456089380196525, 0.2674373759920635]
      ),
      (.precision, 0.6066666666666666, 0.5385861244019139, 0.6864406779661016, [0.9199999999999999, 0.525, 0.3375]),
      (.vote(1), 0.65, 0.5666666666666667, 0.7288471885929511, [1.0, 0.5, 0.4375]),
      (.vote(3), 0.65, 0.4833189655172414, 0.8113767188999038, [1.0, 0.5833333333333334, 0.3125]),
      (.vote(5), 0.6333333333333333, 0.5161164314516129, 0.7719298245614035, [1.0, 0.5833333333333334, 0.25]),
    ]
    let evaluation = Evaluation(queries(), k: 10)
    func close(_ left: Double?, _ right: Double) -> Bool { left.map { abs($0 - right) < 1e-12 } ?? false }
    for (metric, mean, low, high, each) in truth {
      #expect(close(evaluation.overall.means[metric], mean), "\(metric)")
      let interval = try #require(evaluation.overall.intervals[metric])
      #expect(close(interval.low, low) && close(interval.high, high), "\(metric): \(interval)")
      for (scores, expected) in zip(evaluation.classes, each) {
        #expect(close(scores.scores.means[metric], expected), "\(metric) of \(scores.label)")
      }
    }
    #expect(evaluation.classes.map(\.scores.count) == [20, 24, 16])
    #expect(evaluation.confusion.labels == ["a", "b", "c"])
    #expect(evaluation.confusion.counts == [[20, 0, 0, 0], [3, 12, 9, 0], [4, 5, 7, 0]])
    #expect(!evaluation.confusion.hasUnlabelled)
  }

  @Test("average precision by hand: hits at ranks 1, 3 and 6 of ten")
  func averagePrecision() {
    let ranking = Ranking(
      hits: [true, false, true, false, false, true, false, false, false, false, true], relevant: 4)
    let sum: Double = 1 + 2.0 / 3 + 3.0 / 6
    let firstTwo: Double = 1 + 2.0 / 3
    #expect(ranking.averagePrecisionOverHits(at: 10) == sum / 3)
    #expect(ranking.averagePrecisionOverK(at: 10) == sum / 10)
    #expect(ranking.averagePrecisionOverReachable(at: 10) == sum / 4)
    #expect(ranking.averagePrecisionOverReachable(at: 3) == firstTwo / 3)
    #expect(ranking.precision(at: 10) == 0.3)
    #expect(ranking.precision(at: 1) == 1)
  }

  @Test("nothing found, nothing to find and too few neighbours give numbers, never NaN")
  func edges() {
    for ranking in [Ranking(hits: [], relevant: 0), Ranking(hits: [false, false], relevant: 0)] {
      for k in [0, 1, 10] {
        #expect(ranking.averagePrecisionOverHits(at: k) == 0)
        #expect(ranking.averagePrecisionOverK(at: k) == 0)
        #expect(ranking.averagePrecisionOverReachable(at: k) == 0)
        #expect(ranking.precision(at: k) == 0)
      }
    }
    let few = Ranking(hits: [true, true], relevant: 2)
    #expect(few.averagePrecisionOverHits(at: 10) == 1)
    #expect(few.averagePrecisionOverReachable(at: 10) == 1)
    #expect(few.averagePrecisionOverK(at: 10) == 0.2)
    #expect(few.precision(at: 10) == 0.2)
    let empty = Evaluation([], k: 10)
    #expect(empty.overall.count == 0 && empty.overall.means.isEmpty && empty.overall.intervals.isEmpty)
  }

  @Test("a tie of the vote has no winner, and a neighbour without a label is a class of its own")
  func votes() {
    #expect(MajorityVote.winner(of: ["a", "b"], first: 2) == nil)
    #expect(MajorityVote.winner(of: ["a", "b"], first: 1) == "a")
    #expect(MajorityVote.winner(of: ["a", "b", "b"], first: 3) == "b")
    #expect(MajorityVote.winner(of: ["a", "b", "c"], first: 3) == nil)
    #expect(MajorityVote.winner(of: ["a", "a", "b", "b", "c"], first: 5) == nil)
    #expect(MajorityVote.winner(of: [nil, nil, "a"], first: 3) == nil)
    #expect(MajorityVote.winner(of: [nil, "a", "a"], first: 3) == "a")
    #expect(MajorityVote.winner(of: [], first: 3) == nil)
    #expect(MajorityVote.winner(of: ["a"], first: 5) == "a")
  }

  @Test("unlabelled nearest neighbours have a column of their own")
  func confusion() {
    let confusion = Confusion([("a", "a"), ("a", nil), ("b", "c")])
    #expect(confusion.labels == ["a", "b", "c"])
    #expect(confusion.counts == [[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]])
    #expect(confusion.hasUnlabelled)
  }
}

@Suite("Bootstrap")
struct BootstrapTests {
  @Test("percentiles interpolate as NumPy's do")
  func percentiles() {
    // numpy.percentile([1, 2, 4, 8], [2.5, 50, 97.5])
    #expect(abs(Bootstrap.percentile(0.025, of: [1, 2, 4, 8]) - 1.075) < 1e-12)
    #expect(Bootstrap.percentile(0.5, of: [1, 2, 4, 8]) == 3)
    #expect(abs(Bootstrap.percentile(0.975, of: [1, 2, 4, 8]) - 7.7) < 1e-12)
    #expect(Bootstrap.percentile(0.5, of: [3]) == 3)
  }

  @Test("whole groups are resampled: tiles of one patient do not narrow the interval")
  func groups() throws {
    // Two patients of 100 tiles, all right and all wrong: a resample's mean is 0, 1/2 or 1, a quarter of them 0.
    let column = (0..<200).map { $0 < 100 ? 1.0 : 0 }
    let patients: [String?] = (0..<200).map { $0 < 100 ? "p" : "q" }
    let byPatient = try #require(Bootstrap.intervals(of: [column], groups: patients)?.first)
    #expect(byPatient == Interval(low: 0, high: 1))
    // Without groups the mean of 200 tiles has the deviation 0.5 / √200 = 0.0354: 0.5 ± 1.96 of it.
    let alone = try #require(Bootstrap.intervals(of: [column], groups: [String?](repeating: nil, count: 200))?.first)
    #expect(abs(alone.low - 0.4307) < 0.01 && abs(alone.high - 0.5693) < 0.01)
  }

  @Test("one group, or values that are all equal, leave a point; no observation leaves nothing")
  func degenerate() {
    let one = Bootstrap.intervals(of: [[0, 1, 1, 0]], groups: ["p", "p", "p", "p"])
    #expect(one == [Interval(low: 0.5, high: 0.5)])
    #expect(Bootstrap.intervals(of: [[0.25, 0.25]], groups: [nil, nil]) == [Interval(low: 0.25, high: 0.25)])
    #expect(Bootstrap.intervals(of: [[]], groups: []) == nil)
    #expect(Bootstrap.intervals(of: [[1]], groups: [nil, nil]) == nil)
  }

  @Test("the same seed gives the same interval, another seed another")
  func seeds() {
    let column = (0..<50).map { Double($0 % 7) }
    let groups: [String?] = (0..<50).map { "g\($0 % 11)" }
    let first = Bootstrap.intervals(of: [column], groups: groups, seed: 1)
    #expect(first == Bootstrap.intervals(of: [column], groups: groups, seed: 1))
    #expect(first != Bootstrap.intervals(of: [column], groups: groups, seed: 2))
  }
}
