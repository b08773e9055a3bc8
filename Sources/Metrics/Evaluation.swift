/// One evaluated query: its true label and its neighbours' labels.
package struct EvaluatedQuery: Sendable, Equatable {
  package var label: String
  /// The neighbours' labels, best first; nil for a neighbour without one, which is never relevant.
  package var neighbours: [String?]
  /// Items with the query's label that the search could have found.
  package var relevant: Int
  /// Patient or slide, where known: what the bootstrap resamples.
  package var group: String?

  package init(label: String, neighbours: [String?], relevant: Int, group: String? = nil) {
    self.label = label
    self.neighbours = neighbours
    self.relevant = relevant
    self.group = group
  }

  /// Which neighbours share the query's label.
  package var ranking: Ranking { Ranking(hits: neighbours.map { $0 == label }, relevant: relevant) }
}

/// A metric of an evaluation, in the order of the report.
package enum Metric: Sendable, Hashable {
  case averagePrecisionOverHits
  case averagePrecisionOverK
  case averagePrecisionOverReachable
  case precision
  case vote(Int)

  package static let all: [Metric] = [
    .averagePrecisionOverHits, .averagePrecisionOverK, .averagePrecisionOverReachable, .precision, .vote(1), .vote(3),
    .vote(5),
  ]

  /// The value for one query: 0 to 1.
  package func value(of query: EvaluatedQuery, k: Int) -> Double {
    switch self {
    case .averagePrecisionOverHits: query.ranking.averagePrecisionOverHits(at: k)
    case .averagePrecisionOverK: query.ranking.averagePrecisionOverK(at: k)
    case .averagePrecisionOverReachable: query.ranking.averagePrecisionOverReachable(at: k)
    case .precision: query.ranking.precision(at: k)
    case .vote(let n): MajorityVote.winner(of: query.neighbours, first: n) == query.label ? 1 : 0
    }
  }
}

/// The means over some queries.
package struct Scores: Sendable, Equatable {
  /// Queries behind the means.
  package var count: Int
  package var means: [Metric: Double]
  /// 95 % bootstrap intervals; empty without a query.
  package var intervals: [Metric: Interval]

  init(_ queries: [EvaluatedQuery], k: Int) {
    count = queries.count
    means = [:]
    intervals = [:]
    guard !queries.isEmpty else { return }
    let columns = Metric.all.map { metric in queries.map { metric.value(of: $0, k: k) } }
    for (metric, column) in zip(Metric.all, columns) { means[metric] = column.reduce(0, +) / Double(count) }
    guard let found = Bootstrap.intervals(of: columns, groups: queries.map(\.group)) else { return }
    for (metric, interval) in zip(Metric.all, found) { intervals[metric] = interval }
  }
}

/// How well neighbours share their query's label: overall, a class, and where the nearest one errs.
package struct Evaluation: Sendable, Equatable {
  package let k: Int
  package let overall: Scores
  /// The classes in the order of their names, with the scores of the queries of each.
  package let classes: [(label: String, scores: Scores)]
  package let confusion: Confusion

  /// - Parameter k: neighbours that count; votes look at the first 1, 3 and 5 whatever k.
  package init(_ queries: [EvaluatedQuery], k: Int) {
    self.k = k
    overall = Scores(queries, k: k)
    classes = Dictionary(grouping: queries, by: \.label).sorted { $0.key < $1.key }
      .map { ($0.key, Scores($0.value, k: k)) }
    confusion = Confusion(queries.map { ($0.label, $0.neighbours.first ?? nil) })
  }

  package static func == (left: Evaluation, right: Evaluation) -> Bool {
    left.k == right.k && left.overall == right.overall && left.confusion == right.confusion
      && left.classes.map(\.label) == right.classes.map(\.label)
      && left.classes.map(\.scores) == right.classes.map(\.scores)
  }
}
