import OpenCL
import Operators

/// One device as `esvitd devices` shows it.
struct DeviceReport: Encodable {
  let index: Int
  let name: String
  let platform: String
  let kind: Device.Kind
  let computeUnits: Int
  /// Bytes.
  let globalMemory: Int
  /// Bytes.
  let localMemory: Int
  let driver: String
  let fp16: Bool
  /// The variant of each operation that the device would get, by the operation's name.
  let variants: [String: String]

  init(_ device: Device) {
    index = device.index
    name = device.name
    platform = device.platformName
    kind = device.kind
    computeUnits = device.computeUnits
    globalMemory = device.globalMemory
    localMemory = device.localMemory
    driver = device.driverVersion
    fp16 = device.supportsHalf
    let preferred = Variants.preferred(for: device)
    variants = Dictionary(
      uniqueKeysWithValues: OperatorKind.allCases.map { ($0.rawValue, preferred[$0].rawValue) })
  }

  /// At most 80 columns: a line of numbers a device, then its platform, driver and kernels.
  static func table(_ reports: [DeviceReport]) -> String {
    let columns = TextColumns([5, -37, -5, 5, 10, 8, 4])
    var lines = [columns.line(["Index", "Device", "Type", "Units", "Memory", "Local", "fp16"])]
    for report in reports {
      lines.append(
        columns.line([
          "\(report.index)", report.name, report.kind.rawValue, "\(report.computeUnits)",
          byteText(report.globalMemory), byteText(report.localMemory), report.fp16 ? "yes" : "no",
        ]))
      lines += wrapped("\(report.platform), driver \(report.driver)", indent: 6)
      lines += wrapped("Kernels: " + report.kernels, indent: 6)
    }
    return lines.joined(separator: "\n")
  }

  /// `cpu for gemm, layer norm; portable for the rest`
  private var kernels: String {
    let fast = Dictionary(
      grouping: OperatorKind.allCases.filter { variants[$0.rawValue] != Variant.portable.rawValue },
      by: { variants[$0.rawValue] ?? "" })
    if fast.isEmpty { return "portable" }
    let parts = fast.sorted { $0.key < $1.key }.map { variant, kinds in
      "\(variant) for \(kinds.map(\.rawValue).joined(separator: ", "))"
    }
    let all = fast.values.map(\.count).reduce(0, +) == OperatorKind.allCases.count
    return parts.joined(separator: "; ") + (all ? "" : "; portable for the rest")
  }
}

/// How right one device's kernels are, as `esvitd devices --check` shows it.
struct DeviceCheckReport: Encodable {
  let index: Int
  let name: String
  let passed: Bool
  let results: [CheckResult]
  /// Why nothing, or not everything, could be run.
  let failure: String?

  init(_ device: Device, results: [CheckResult], failure: String?) {
    index = device.index
    name = device.description
    self.results = results
    self.failure = failure
    passed = failure == nil && results.allSatisfy(\.passed)
  }

  /// At most 80 columns; the errors are relative to the largest magnitude of the right answer.
  var table: String {
    let columns = TextColumns([-16, -8, -34, 7, 7, -2])
    var lines = wrapped("Device \(index): \(name)", indent: 0)
    if !results.isEmpty { lines.append(columns.line(["Operation", "Kernel", "Shape", "Error", "Allowed", ""])) }
    for result in results {
      lines.append(
        columns.line([
          result.kind.rawValue, result.variant.rawValue, result.shape, scientific(result.maximumError),
          scientific(result.tolerance), result.passed ? "ok" : "NO",
        ]))
      if let failure = result.failure { lines += wrapped(failure, indent: 2) }
    }
    if let failure { lines += wrapped(failure, indent: 0) }
    let wrong = results.count { !$0.passed }
    lines.append(passed ? "All \(results.count) answers are right." : "\(wrong) of \(results.count) answers are wrong.")
    return lines.joined(separator: "\n")
  }
}
