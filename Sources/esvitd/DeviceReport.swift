import OpenCL

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
  }

  /// At most 80 columns: a line of numbers a device, then its platform and driver.
  static func table(_ reports: [DeviceReport]) -> String {
    func line(_ cells: [String]) -> String {
      var text = ""
      for (cell, width) in zip(cells, [5, -40, -5, 5, 10, 8]) {
        let cut = String(cell.prefix(abs(width)))
        let padding = String(repeating: " ", count: abs(width) - cut.count)
        text += (text.isEmpty ? "" : " ") + (width < 0 ? cut + padding : padding + cut)
      }
      return text
    }
    var lines = [line(["Index", "Device", "Type", "Units", "Memory", "Local"])]
    for report in reports {
      lines.append(
        line([
          "\(report.index)", report.name, report.kind.rawValue, "\(report.computeUnits)", bytes(report.globalMemory),
          bytes(report.localMemory),
        ]))
      lines.append("      \(report.platform), driver \(report.driver), fp16 \(report.fp16 ? "yes" : "no")")
    }
    return lines.joined(separator: "\n")
  }

  /// `21.2 GiB`, `512 KiB`.
  static func bytes(_ count: Int) -> String {
    if count >= 1 << 30 { return "\((count * 10) >> 30 / 10).\((count * 10) >> 30 % 10) GiB" }
    return count >= 1 << 20 ? "\(count >> 20) MiB" : "\(count >> 10) KiB"
  }
}
