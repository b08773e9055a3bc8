import Metrics
import Wire

extension Metric {
  /// The key in `--json`.
  func key(_ k: Int) -> String {
    switch self {
    case .averagePrecisionOverHits: "mAP@\(k)"
    case .averagePrecisionOverK: "mAP@\(k)_over_k"
    case .averagePrecisionOverReachable: "mAP@\(k)_over_min_k_relevant"
    case .precision: "P@\(k)"
    case .vote(let n): "vote@\(n)"
    }
  }

  /// The name in a table.
  func name(_ k: Int) -> String {
    switch self {
    case .averagePrecisionOverHits: "mAP@\(k)"
    case .averagePrecisionOverK: "mAP@\(k) over k"
    case .averagePrecisionOverReachable: "mAP@\(k) over min"
    case .precision: "P@\(k)"
    case .vote(let n): "Vote of \(n)"
    }
  }

  /// What exactly is computed, in one line.
  func definition(_ k: Int) -> String {
    switch self {
    case .averagePrecisionOverHits: "precision at hits, over the hits found"
    case .averagePrecisionOverK: "same sum, over k = \(k)"
    case .averagePrecisionOverReachable: "same sum, over min(k, relevant items)"
    case .precision: "hits in the first \(k), over \(k)"
    case .vote(1): "nearest neighbour has the label"
    case .vote(let n): "majority of nearest \(n); a tie is wrong"
    }
  }
}

/// The result of `esvit evaluate`, as a table, as JSON and as a page.
struct EvaluationReport {
  let collection: String
  let k: Int
  let run: SearchRun
  /// Items that the collection holds, or its filter leaves.
  let items: Int
  /// Queries that were asked, those that failed among them.
  let asked: Int
  /// Stored items that have no label and therefore asked nothing.
  var unlabelled = 0
  /// The queries that were answered, and what of them counts.
  var subjects: [SearchSubject] = []
  var queries: [EvaluatedQuery] = []
  var failures = FailureList()
  private(set) var evaluation = Evaluation([], k: 1)

  init(collection: String, k: Int, run: SearchRun, items: Int, asked: Int) {
    self.collection = collection
    self.k = k
    self.run = run
    self.items = items
    self.asked = asked
  }

  /// Computes the scores, once all queries are in.
  mutating func finish() { evaluation = Evaluation(queries, k: k) }

  /// What the bootstrap resamples.
  var groups: String {
    let groups = Set(queries.compactMap { $0.group?.split(separator: " ").first.map(String.init) })
    return groups.isEmpty ? "query" : groups.sorted().joined(separator: " or ")
  }

  // MARK: Table

  func show() {
    Output.line("\(Text.count(queries.count, "query", plural: "queries")) against \(summary)")
    Output.line("")
    var overall = Table([
      .init(title: "Metric"), .init(title: "Mean", right: true), .init(title: "95 % interval"),
      .init(title: "Definition", flexible: true),
    ])
    for metric in Metric.all {
      let scores = evaluation.overall
      overall.add([
        metric.name(k), Self.text(scores.means[metric]), Self.text(scores.intervals[metric]), metric.definition(k),
      ])
    }
    overall.print()
    Output.line("")
    var classes = Table(
      [.init(title: "Class", flexible: true)]
        + ["Queries", "mAP@\(k)", "over k", "over min", "P@\(k)", "Vote 1", "3", "5"].map {
          .init(title: $0, right: true)
        })
    for (label, scores) in evaluation.classes {
      classes.add([label, Text.grouped(scores.count)] + Metric.all.map { Self.text(scores.means[$0], 3) })
    }
    classes.print()
    Output.line("")
    showConfusion()
  }

  /// The confusion of the nearest neighbour; its columns are numbered, so that many classes fit.
  private func showConfusion() {
    let confusion = evaluation.confusion
    var table = Table(
      [.init(title: "#", right: true), .init(title: "Query's class, nearest neighbour's →", flexible: true)]
        + confusion.labels.indices.map { .init(title: "\($0 + 1)", right: true) }
        + (confusion.hasUnlabelled ? [.init(title: "none", right: true)] : []))
    for (index, row) in confusion.counts.enumerated() {
      let counts = confusion.hasUnlabelled ? row[...] : row.dropLast()
      table.add(["\(index + 1)", confusion.labels[index]] + counts.map { $0 == 0 ? "·" : "\($0)" })
    }
    table.print()
  }

  /// What was compared with what, in words.
  var summary: String {
    var text = "\(Text.count(items, "item")) of \(Text.clean(collection)); bootstrap by \(groups)"
    if run.unattributed > 0 { text += "; \(Text.count(run.unattributed, "item")) not attributed to a case" }
    if unlabelled > 0 { text += "; \(Text.count(unlabelled, "item")) without a label left out" }
    return text
  }

  static func text(_ value: Double?, _ decimals: Int = 4) -> String { value.map { Text.fixed($0, decimals) } ?? "–" }

  static func text(_ interval: Interval?) -> String {
    interval.map { "\(Text.fixed($0.low, 4))–\(Text.fixed($0.high, 4))" } ?? "–"
  }

  // MARK: JSON

  var json: JSONValue {
    var object: JSONObject = ["collection": .string(collection), "k": .integer(Int64(k))]
    object["queries"] = .integer(Int64(queries.count))
    object["failed"] = .integer(Int64(failures.entries.count))
    if !failures.entries.isEmpty { object["failures"] = failures.json }
    object["unlabelled"] = .integer(Int64(unlabelled))
    object["items"] = .integer(Int64(items))
    object["unattributed"] = .integer(Int64(run.unattributed))
    add(evaluation.overall, to: &object)
    var classes = JSONObject()
    for (label, scores) in evaluation.classes {
      var one: JSONObject = ["queries": .integer(Int64(scores.count))]
      add(scores, to: &one)
      classes[label] = .object(one)
    }
    object["classes"] = .object(classes)
    let confusion = evaluation.confusion
    object["confusion"] = [
      "labels": .array(confusion.labels.map(JSONValue.string) + [.null]),
      "counts": .array(confusion.counts.map { .array($0.map { .integer(Int64($0)) }) }),
    ]
    var definitions = JSONObject()
    for metric in Metric.all { definitions[metric.key(k)] = .string(metric.definition(k)) }
    object["definitions"] = .object(definitions)
    object["bootstrap"] = [
      "by": .string(groups), "resamples": .integer(Int64(Bootstrap.resamples)),
      "seed": .integer(Int64(Bootstrap.seed)),
    ]
    return .object(object)
  }

  private func add(_ scores: Scores, to object: inout JSONObject) {
    var intervals = JSONObject()
    for metric in Metric.all {
      object[metric.key(k)] = scores.means[metric].map(JSONValue.double)
      if let interval = scores.intervals[metric] {
        intervals[metric.key(k)] = .array([.double(interval.low), .double(interval.high)])
      }
    }
    object["intervals"] = .object(intervals)
  }
}
