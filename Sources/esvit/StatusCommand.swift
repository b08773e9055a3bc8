import ArgumentParser
import Wire

/// `esvit status`
struct StatusCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the daemon's device, model, collections, load and latencies.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.run(.status, { $0.object }) { (status: JSONObject) in Self.show(.object(status)) }
  }

  static func show(_ status: JSONValue) {
    var facts = Facts()
    let device = status["device"]
    let model = status["model"]
    func text(_ value: JSONValue?) -> String? {
      switch value {
      case .string(let text)?: text
      case .integer(let number)?: Text.grouped(Int(number))
      case .double(let number)?: Text.fixed(number, 3)
      case .bool(let truth)?: truth ? "yes" : "no"
      default: nil
      }
    }
    let limits = StatusLimits(status["limits"])
    let version = text(status["version"]) ?? "?"
    facts.add("Daemon", "esvitd \(version), protocol \(text(status["protocol"]) ?? "?")")
    facts.add("State", [text(status["state"]), text(status["doing"])].compactMap { $0 }.joined(separator: ": "))
    facts.add(
      "Device",
      [text(device?["name"]), text(device?["kind"]).map { "(\($0))" }].compactMap { $0 }.joined(separator: " "))
    facts.add(
      "Platform", [text(device?["platform"]), text(device?["driver"])].compactMap { $0 }.joined(separator: ", "))
    facts.add("Model", text(model?["name"]))
    facts.add("Fingerprint", text(model?["fingerprint"]))
    facts.add("Dimension", text(model?["dimension"]))
    facts.add("Precision", text(model?["precision"]))
    facts.add("Up for", status["uptime"]?.number.map(Text.duration))
    if let depth = text(status["queue"]?["depth"]), let capacity = text(status["queue"]?["capacity"]) {
      facts.add("Queue", "\(depth) of \(capacity)")
    }
    facts.add("Connections", text(status["connections"]).map { $0 + limits.most("connections") })
    for member in status["counts"]?.object ?? [:] {
      let name = member.name.replacing("_", with: " ")
      let isBytes = member.name == "bytes_in_hand"
      let value = isBytes ? member.value.integer.map { Text.bytes($0) + limits.most("in_hand") } : text(member.value)
      facts.add(name.prefix(1).uppercased() + name.dropFirst(), value)
    }
    for (name, value) in limits.lines { facts.add(name, value) }
    facts.print()
    showCollections(status["collections"]?.array?.compactMap(CollectionDescription.init) ?? [])
    showLatencies(status["latency_ms"]?.array ?? [])
  }

  private static func showCollections(_ collections: [CollectionDescription]) {
    guard !collections.isEmpty else { return }
    Output.line("")
    CollectionsCommand.table(collections).print()
  }

  private static func showLatencies(_ stages: [JSONValue]) {
    guard !stages.isEmpty else { return }
    Output.line("")
    var table = Table(
      [.init(title: "Stage (ms)")] + ["Count", "p50", "p90", "p99", "Max"].map { .init(title: $0, right: true) })
    for stage in stages {
      let times = ["p50", "p90", "p99", "max"].map { stage[$0]?.number.map { Text.fixed($0, $0 < 10 ? 2 : 1) } ?? "–" }
      table.add([stage["stage"]?.string ?? "", Text.grouped(stage["count"]?.integer ?? 0)] + times)
    }
    table.print()
  }
}

/// `esvit metrics`
struct MetricsCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Print the daemon's metrics in Prometheus' text format.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.run(.metrics, MetricsAnswer.init) { Output.write($0.text) }
  }
}
