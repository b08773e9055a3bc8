import Foundation

/// A report as text of at most 80 columns.
package struct BenchmarkTable: CustomStringConvertible {
  package let description: String

  package init(_ report: BenchmarkReport) {
    let model = report.model
    var lines = [
      Self.cut("Model: \(model.name), \(Self.grouped(model.parameters)) parameters, \(model.dimension) numbers"),
      Self.cut("Host:  \(report.host.processor), \(report.host.cores) cores"),
    ]
    for device in report.devices { lines += [""] + Self.lines(device) }
    if let ratio = report.ratio {
      lines += [
        "", "GPU \(ratio.gpu) : CPU \(ratio.cpu), how many times as fast",
        Self.row("encode, 1 image", [Self.times(ratio.latency)]),
        Self.row("encode, images/s", [Self.times(ratio.imagesPerSecond)]),
      ]
      if let search = ratio.search { lines.append(Self.row("search, 1 query", [Self.times(search)])) }
    }
    description = lines.joined(separator: "\n")
  }

  private static func lines(_ device: BenchmarkReport.MeasuredDevice) -> [String] {
    var lines = [
      cut("Device \(device.index): \(device.name), \(device.kind.rawValue)"),
      cut("  \(device.platform), driver \(device.driver)"),
    ]
    if device.encoding != nil || device.search != nil {
      lines.append(row("milliseconds", ["p50", "p90", "p99", "samples"]))
    }
    if let encoding = device.encoding { lines.append(row("encode, 1 image", cells(encoding.latency))) }
    if let search = device.search {
      lines.append(row("\(search.k) nearest of \(grouped(search.vectors)), \(search.format)", cells(search.latency)))
    }
    if device.encoding != nil || device.search != nil { lines.append(row("a second", [])) }
    if let encoding = device.encoding {
      lines.append(row("images, \(encoding.batch) at once", [figure(encoding.imagesPerSecond)]))
    }
    if let search = device.search {
      lines.append(row("queries, \(search.batch) at once", [figure(search.queriesPerSecond)]))
    }
    if let failure = device.failure { lines.append("  Failed: \(failure)") }
    return lines
  }

  private static func cells(_ distribution: Distribution) -> [String] {
    [figure(distribution.p50), figure(distribution.p90), figure(distribution.p99), "\(distribution.samples)"]
  }

  private static func row(_ name: String, _ cells: [String]) -> String {
    let text = "  " + name + String(repeating: " ", count: max(0, 34 - name.count))
    return cells.reduce(cells.isEmpty ? "  " + name : text) { line, cell in
      line + String(repeating: " ", count: max(1, 11 - cell.count)) + cell
    }
  }

  /// Three significant digits, or all of a larger whole number.
  static func figure(_ value: Double) -> String {
    switch value {
    case ..<10: String(format: "%.2f", value)
    case ..<100: String(format: "%.1f", value)
    default: grouped(Int(value.rounded()))
    }
  }

  private static func times(_ value: Double) -> String { figure(value) + "×" }

  /// `100,000`
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (place, digit) in digits.enumerated() {
      if place > 0, (digits.count - place).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + text
  }

  private static func cut(_ line: String) -> String { line.count > 80 ? line.prefix(79) + "…" : line }
}
