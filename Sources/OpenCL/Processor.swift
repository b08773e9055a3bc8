import Crypto
import Foundation

/// The host's processor, as far as machine code for it is concerned.
package struct Processor: Sendable, Hashable {
  /// As `/proc/cpuinfo` states it.
  package let name: String
  /// Instruction sets and the like.
  package let flags: Set<String>
  /// SHA-256 of name and flags, in hexadecimal: the same for processors that run the same code.
  package let identity: String

  package static let current: Processor = {
    // One processor's part is a few KiB; a handle, since Foundation's other ways stop at the first short read.
    let file = FileHandle(forReadingAtPath: "/proc/cpuinfo")
    return Processor(cpuinfo: String(decoding: (try? file?.read(upToCount: 32 << 10)) ?? Data(), as: UTF8.self))
  }()

  /// - Parameter cpuinfo: the text of `/proc/cpuinfo`; the first processor counts.
  init(cpuinfo: String) {
    var values: [Substring: Substring] = [:]
    for line in cpuinfo.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty { break }
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      values[parts[0].trimmingSuffix(while: \.isWhitespace)] = parts[1].drop(while: \.isWhitespace)
    }
    name = String(values["model name"] ?? values["CPU part"] ?? "unknown processor")
    flags = Set((values["flags"] ?? values["Features"] ?? "").split(separator: " ").map(String.init))
    let family = ["vendor_id", "cpu family", "model", "stepping", "CPU implementer"].map {
      String(values[$0[...]] ?? "")
    }
    identity = hexadecimal(
      SHA256.hash(data: Data(([name] + family + flags.sorted()).joined(separator: "\n").utf8)))
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var end = endIndex
    while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
    return self[..<end]
  }
}

/// Bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.reduce(into: "") { text, byte in
    text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}
