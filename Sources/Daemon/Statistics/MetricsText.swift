// Prometheus' text exposition format, version 0.0.4.

/// Writes metrics one family after the other; each has its HELP and TYPE once, before its samples.
struct MetricsText {
  typealias Labels = [String: String]

  private(set) var text = ""

  mutating func gauge(_ name: String, _ help: String, _ value: Double) { gauge(name, help, [([:], value)]) }

  mutating func gauge(_ name: String, _ help: String, _ samples: [(Labels, Double)]) {
    family(name, "gauge", help, samples)
  }

  mutating func counter(_ name: String, _ help: String, _ value: Double) { counter(name, help, [([:], value)]) }

  mutating func counter(_ name: String, _ help: String, _ samples: [(Labels, Double)]) {
    family(name, "counter", help, samples)
  }

  /// Summaries with the quantiles 0.5, 0.9 and 0.99.
  mutating func summaries(_ name: String, _ help: String, _ samples: [(Labels, Statistics.Latency)]) {
    head(name, "summary", help)
    for (labels, latency) in samples {
      // Without observations a quantile is not a number, by the format's definition.
      for (quantile, value) in [("0.5", latency.p50), ("0.9", latency.p90), ("0.99", latency.p99)] {
        sample(name, labels.merging(["quantile": quantile]) { $1 }, latency.count == 0 ? .nan : value)
      }
      sample(name + "_sum", labels, latency.sum)
      sample(name + "_count", labels, Double(latency.count))
    }
  }

  private mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(Labels, Double)]) {
    head(name, type, help)
    for (labels, value) in samples { sample(name, labels, value) }
  }

  private mutating func head(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: Labels, _ value: Double) {
    let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(Self.escaped($0.value, quotes: true))\"" }
    text += name + (pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") + " \(Self.number(value))\n"
  }

  /// Backslash and line feed are escaped, in label values the quote, too.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return value.description
  }
}
