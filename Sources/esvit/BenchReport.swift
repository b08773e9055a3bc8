import Wire

/// What `esvit bench` measured: one run a method and number of clients.
struct BenchReport {
  struct Run {
    var method: String
    var clients: Int
    var seen: Load.Outcome
    /// What the daemon did meanwhile, what was still in flight at the end included.
    var daemon: DaemonSums
    /// Seconds until the last answer.
    var seconds: Double

    /// Milliseconds of a request that are none of decoding, waiting, encoding and searching: socket, JSON, base64.
    var rest: Double { max(0, seen.mean - stages.reduce(0) { $0 + daemon.milliseconds(a: $1) }) }
    /// Images that the device encoded at a time, and in a second of its work.
    var batch: Double { daemon.batches > 0 ? daemon.images / daemon.batches : 0 }
    var devicePerSecond: Double {
      let work = daemon.seconds(in: "encode")
      return work > 0 ? daemon.images / work : 0
    }
    /// The part of the time in which the device encoded.
    var busy: Double { seconds > 0 ? daemon.seconds(in: "encode") / seconds : 0 }

    var stages: [String] { ["decode", "wait", "encode"] + (method == "search" ? ["search"] : []) }
  }

  var images: Int
  var runs: [Run] = []

  func show() {
    Output.line("\(Text.count(images, "image")), one a request\n")
    let number = { (title: String) in Table.Column(title: title, right: true) }
    var seen = Table(
      [.init(title: "Clients see")] + ["Clients", "Images/s", "p50 ms", "p90 ms", "p99 ms", "Refused"].map(number))
    var spent = Table(
      [.init(title: "Daemon, mean ms")]
        + ["Clients", "Decode", "Wait", "Encode", "Search", "Rest", "Batch", "Device/s", "Busy"].map(number))
    for run in runs {
      let (name, clients) = (run.method, Text.grouped(run.clients))
      seen.add(
        [name, clients, Text.fixed(run.seen.perSecond, 1)]
          + [50, 90, 99].map { Self.milliseconds(run.seen.percentile($0)) } + [Text.grouped(run.seen.refused)])
      spent.add(
        [name, clients]
          + ["decode", "wait", "encode", "search"].map { stage in
            run.stages.contains(stage) ? Self.milliseconds(run.daemon.milliseconds(a: stage)) : "–"
          }
          + [
            Self.milliseconds(run.rest), Text.fixed(run.batch, 1), Text.fixed(run.devicePerSecond, 1),
            Text.fixed(100 * run.busy, 0) + " %",
          ])
    }
    seen.print()
    Output.line("")
    spent.print()
  }

  private static func milliseconds(_ value: Double) -> String { Text.fixed(value, value < 10 ? 2 : 1) }

  var json: JSONValue {
    ["images": .integer(Int64(images)), "runs": .array(runs.map(Self.json))]
  }

  private static func json(_ run: Run) -> JSONValue {
    var stages: JSONObject = [:]
    for stage in run.stages { stages[stage] = .double(run.daemon.milliseconds(a: stage)) }
    stages["rest"] = .double(run.rest)
    return [
      "method": .string(run.method), "clients": .integer(Int64(run.clients)),
      "answered": .integer(Int64(run.seen.answered)), "refused": .integer(Int64(run.seen.refused)),
      "images_per_second": .double(run.seen.perSecond),
      "latency_ms": [
        "mean": .double(run.seen.mean), "p50": .double(run.seen.percentile(50)),
        "p90": .double(run.seen.percentile(90)), "p99": .double(run.seen.percentile(99)),
        "max": .double(run.seen.percentile(100)),
      ],
      "daemon_ms": .object(stages),
      "device": [
        "batch": .double(run.batch), "images_per_second": .double(run.devicePerSecond), "busy": .double(run.busy),
      ],
    ]
  }
}
