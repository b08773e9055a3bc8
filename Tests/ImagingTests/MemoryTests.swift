import Foundation
import Testing

@testable import Imaging

@Suite struct MemoryTests {
  @Test("hundreds of decodes, good and bad, leave no memory behind")
  func steady() async throws {
    // In a process of its own, where nothing else grows.
    await #expect(processExitsWith: .success) {
      let files = try Fixtures.names().map { try Fixtures.data($0) }
      let own = ImageDecoder(threads: 2)
      func round() async {
        for file in files {
          _ = try? await own.decode(.data(file), thumbnail: 32)
          _ = try? await own.decode(.data(file.prefix(file.count / 2)))
          _ = try? await own.decode(.data(file), region: ImageRegion(x: 1, y: 1, width: 9, height: 9))
        }
      }
      for _ in 0..<4 { await round() }
      let before = try residentBytes()
      for _ in 0..<8 { await round() }
      let growth = try residentBytes() - before
      // Some 1500 decodes: to lose a kilobyte at each of them would show.
      try #require(growth < 3 << 19, "grew by \(growth) bytes")
    }
  }
}

/// What the process holds in memory.
func residentBytes() throws -> Int {
  let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
  return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
}
