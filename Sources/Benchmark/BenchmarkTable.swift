import Foundation
import Operators

/// A report as text of at most 80 columns.
package struct BenchmarkTable: CustomStringConvertible {
  package let description: String

  package init(_ report: BenchmarkReport) {
    let model = report.model
    var lines = [
      Self.cut(
        "Model: \(model.name), \(Self.grouped(model.parameters)) parameters, \(Self.figure(model.gigaflop)) GFLOP, "
          + "\(model.dimension) numbers, \(model.precision)"),
      Self.cut("Host:  \(report.host.processor), \(report.host.cores) cores"),
    ]
    for device in report.devices { lines += [""] + Self.lines(device) }
    if let ratio = report.ratio { lines += [""] + Self.lines(ratio) }
    description = lines.joined(separator: "\n")
  }

  private static func lines(_ device: BenchmarkReport.MeasuredDevice) -> [String] {
    var lines = [
      cut("Device \(device.index): \(device.name), \(device.kind.rawValue)"),
      cut("  \(device.platform), driver \(device.driver)"),
    ]
    if let ceilings = device.ceilings {
      let linear = ceilings.linear.map { " (\(figure($0)) in low precision)" } ?? ""
      lines.append(
        cut(
          "  At most \(figure(ceilings.gigaflops)) GFLOP/s\(linear), copies \(figure(ceilings.copy)) GB/s, "
            + "reads \(figure(ceilings.read)) GB/s"))
    }
    if let encoding = device.encoding { lines += [""] + self.lines(encoding) }
    if let split = device.operators { lines += [""] + self.lines(split, device.ceilings) }
    if !device.pictures.isEmpty { lines += [""] + self.lines(device.pictures) }
    if !device.searches.isEmpty { lines += [""] + self.lines(device.searches, device.ceilings) }
    if let failure = device.failure { lines += ["", "  Failed: \(failure)"] }
    return lines
  }

  private static func lines(_ encoding: BenchmarkReport.Encoding) -> [String] {
    [
      row("Encode, milliseconds", ["p50", "p90", "p99", "runs", "images/s"]),
      row("1 image", times(encoding.latency) + [figure(1e3 / encoding.latency.p50)]),
    ] + encoding.batches.map { row("\($0.images) images", times($0.latency) + [figure($0.imagesPerSecond)]) }
  }

  private static func lines(
    _ split: BenchmarkReport.OperatorSplit, _ ceilings: BenchmarkReport.Ceilings?
  ) -> [String] {
    func share(_ milliseconds: Double) -> String { percent(milliseconds, of: split.milliseconds) }
    func peak(_ part: BenchmarkReport.OperatorTime) -> Double? {
      let isLinear = [OperatorKind.gemm, .swinBlock].map(\.rawValue).contains(part.name)
      return isLinear ? ceilings?.linear ?? ceilings?.gigaflops : ceilings?.gigaflops
    }
    return [row("One image by operators", ["ms", "share", "GFLOP/s", "of peak", "GB/s", "of copy"])]
      + split.operators.map { part in
        row(
          "\(part.name) (\(part.launches))",
          [
            figure(part.milliseconds), share(part.milliseconds), part.gigaflops.map(figure) ?? "",
            percent(part.gigaflops, of: peak(part)), part.gigabytes.map(figure) ?? "",
            percent(part.gigabytes, of: ceilings?.copy),
          ])
      } + [
        row("host and pauses", [figure(split.remainder), share(split.remainder)]),
        row("all", [figure(split.milliseconds)]),
      ]
  }

  private static func lines(_ pictures: [BenchmarkReport.Picture]) -> [String] {
    [row("JPEG to device, milliseconds", ["kB", "decode", "resize", "both"])]
      + pictures.map { picture in
        row(
          "\(picture.side)×\(picture.side)",
          [
            figure(Double(picture.bytes) / 1e3), figure(picture.decoding.p50), figure(picture.resizing.p50),
            figure(picture.decoding.p50 + picture.resizing.p50),
          ])
      }
  }

  private static func lines(
    _ searches: [BenchmarkReport.Search], _ ceilings: BenchmarkReport.Ceilings?
  ) -> [String] {
    let first = searches.first.map { "\($0.k) nearest, \($0.dimension) \($0.format), ms" } ?? ""
    return [row(first, ["p50", "p90", "p99", "queries/s", "GB/s", "of read"])]
      + searches.flatMap { search -> [String] in
        let name = "of \(grouped(search.vectors))"
        if let reason = search.skipped { return [cut("  \(name): skipped, \(reason)")] }
        return search.runs.map { run in
          row(
            "\(name), \(run.queries) at once",
            times(run.latency).dropLast() + [
              figure(run.queriesPerSecond), figure(run.gigabytes), percent(run.gigabytes, of: ceilings?.read),
            ])
        }
      }
  }

  private static func lines(_ ratio: DeviceRatio) -> [String] {
    [
      "GPU \(ratio.gpu) : CPU \(ratio.cpu), how many times as fast",
      row("encode, 1 image", [figure(ratio.latency) + "×"]),
      row("encode, images/s", [figure(ratio.imagesPerSecond) + "×"]),
    ]
      + ratio.searches.map {
        row("of \(grouped($0.vectors)), \($0.queries) at once", [figure($0.ratio) + "×"])
      }
  }

  // MARK: Cells

  private static let nameWidth = 29
  private static let cellWidth = 8

  private static func times(_ distribution: Distribution) -> [String] {
    [figure(distribution.p50), figure(distribution.p90), figure(distribution.p99), "\(distribution.samples)"]
  }

  private static func row(_ name: String, _ cells: [String]) -> String {
    var line = "  " + name
    for (index, cell) in cells.enumerated() {
      let end = 2 + nameWidth + (index + 1) * cellWidth
      line += String(repeating: " ", count: max(1, end - line.count - cell.count)) + cell
    }
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  private static func percent(_ part: Double?, of whole: Double?) -> String {
    guard let part, let whole, whole > 0 else { return "" }
    let share = 100 * part / whole
    return (share < 1 ? String(format: "%.1f", share) : "\(Int(share.rounded()))") + " %"
  }

  /// Three significant digits, or all of a larger whole number.
  static func figure(_ value: Double) -> String {
    switch value {
    case ..<10: String(format: "%.2f", value)
    case ..<100: String(format: "%.1f", value)
    default: grouped(Int(value.rounded()))
    }
  }

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
