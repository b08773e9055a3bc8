import Foundation
import Testing

@testable import Imaging

@Suite struct FuzzTests {
  @Test("whatever is done to a file, the answer is a picture or an error: never a crash, a hang or a flood of memory")
  func mutations() async throws {
    // A process of its own, so that a crash is this test's failure; the same files in every run.
    await #expect(processExitsWith: .success) {
      let rounds = ProcessInfo.processInfo.environment["ESVIT_TEST_ALL"] == nil ? 40 : 2000
      let files = try Fixtures.names().map { (name: $0, data: try Fixtures.data($0)) }
      let limits = ImageLimits(pixels: 4_000_000, memory: 64 << 20)
      let own = ImageDecoder(limits: limits, threads: 2)
      for (place, file) in files.enumerated() {
        let longest = await withTaskGroup(of: Duration.self) { group in
          for round in 0..<rounds {
            group.addTask {
              var mutator = Mutator(seed: UInt64(place * 100_000 + round))
              let data = mutator.mutate(file.data, with: files[(place + round) % files.count].data)
              let region = round % 3 == 0 ? ImageRegion(x: 2, y: 3, width: 20, height: 15, level: round % 2) : nil
              let start = ContinuousClock.now
              if let decoded = try? await own.decode(.data(data), region: region, thumbnail: 32) {
                let image = decoded.image
                if image.pixels.count != image.width * image.height * 3 { exit(2) }
              }
              return ContinuousClock.now - start
            }
          }
          return await group.reduce(.zero) { max($0, $1) }
        }
        try #require(longest < .seconds(60), "\(file.name) took \(longest)")
      }
      try #require(try residentBytes() < 1 << 30)
    }
  }
}

/// Damages files as disks, networks and attackers do.
private struct Mutator {
  private var random: Seeded

  init(seed: UInt64) { random = Seeded(state: seed) }

  mutating func mutate(_ original: Data, with other: Data) -> Data {
    var file = [UInt8](original)
    for _ in 0..<Int.random(in: 1...4, using: &random) where !file.isEmpty {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: file[place(in: file)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: file[place(in: file)] = UInt8.random(in: 0...255, using: &random)
      case 2: overwrite(&file, at: place(in: file), with: extreme())
      case 3: file.removeLast(Int.random(in: 0..<file.count, using: &random))
      case 4: file.removeSubrange(span(in: file))
      case 5: file.insert(contentsOf: file[span(in: file)], at: place(in: file))
      case 6: overwrite(&file, at: place(in: file), with: Array(other[span(in: [UInt8](other))]))
      default: for _ in 0..<8 { file[place(in: file)] = UInt8.random(in: 0...255, using: &random) }
      }
    }
    return Data(file)
  }

  /// Half of the time within the first 400 bytes, where headers are.
  private mutating func place(in file: [UInt8]) -> Int {
    Int.random(in: 0..<(Bool.random(using: &random) ? min(400, file.count) : file.count), using: &random)
  }

  private mutating func span(in file: [UInt8]) -> Range<Int> {
    let start = place(in: file)
    return start..<min(file.count, start + Int.random(in: 1...64, using: &random))
  }

  private mutating func extreme() -> [UInt8] {
    let values: [[UInt8]] = [
      [0, 0], [0xFF, 0xFF], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0x7F],
      [0, 0, 0, 1], [1, 0, 0, 0], [0x80, 0, 0, 0], [0, 0, 0, 0x80], Array(repeating: 0xFF, count: 8),
    ]
    return values[Int.random(in: 0..<values.count, using: &random)]
  }

  private func overwrite(_ file: inout [UInt8], at place: Int, with bytes: [UInt8]) {
    let end = min(file.count, place + bytes.count)
    file.replaceSubrange(place..<end, with: bytes.prefix(end - place))
  }
}
