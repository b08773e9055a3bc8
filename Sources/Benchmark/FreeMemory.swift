import Foundation
import OpenCL

/// How much can be allocated on a device without harm.
enum FreeMemory {
  /// Bytes. A CPU's is what the system calls available; other devices do not tell what is in use, so it is all they have.
  static func bytes(of device: Device) -> Int {
    guard device.kind == .cpu else { return device.globalMemory }
    return min(device.globalMemory, available() ?? device.globalMemory)
  }

  /// `MemAvailable` of `/proc/meminfo`, whose numbers are KiB.
  private static func available() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
  }
}
