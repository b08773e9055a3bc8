import Wire

/// What the daemon counts and times, summed since its start; of two readings the difference is what happened between.
struct DaemonSums {
  private var samples: [Substring: Double] = [:]

  /// - Parameter text: the result of `metrics`, Prometheus' text format.
  init(_ text: String) {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else { continue }
      samples[line[..<space]] = value
    }
  }

  init(of daemon: Connection) throws(ClientError) {
    self.init(try ConnectionOptions.read(try daemon.result(of: .metrics), MetricsAnswer.init).text)
  }

  static func - (later: DaemonSums, earlier: DaemonSums) -> DaemonSums {
    var difference = later
    for (name, value) in earlier.samples { difference.samples[name, default: 0] -= value }
    return difference
  }

  var images: Double { samples["esvitd_images_encoded_total"] ?? 0 }
  var batches: Double { samples["esvitd_batches_total"] ?? 0 }

  /// Seconds in a stage, and how often: `decode` and `wait` an image, `encode` a batch, `search` and `total` a request.
  func seconds(in stage: String) -> Double { samples["esvitd_stage_seconds_sum{stage=\"\(stage)\"}"] ?? 0 }
  func count(of stage: String) -> Double { samples["esvitd_stage_seconds_count{stage=\"\(stage)\"}"] ?? 0 }

  /// Milliseconds of one, in the mean; 0 where there was none.
  func milliseconds(a stage: String) -> Double {
    count(of: stage) > 0 ? seconds(in: stage) / count(of: stage) * 1e3 : 0
  }
}
