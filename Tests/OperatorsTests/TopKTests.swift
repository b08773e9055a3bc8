import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("TopK")
struct TopKTests {
  /// A CPU's and a GPU's work-group.
  nonisolated static let groups = [1, 64]

  /// The rows that the device leaves of `scores`, each off by up to `error` in what a pass knew of it, and what a sort
  /// leaves of the true scores.
  ///
  /// - Parameter k: how many are wanted.
  private func run(
    group: Int, _ scores: [[Float]], excluded: [Set<Int>] = [[]], k: Int, error: Float = 0
  ) throws -> (found: [[Int]], truth: [[Int]]) {
    let context = try DistanceTests.context.get()
    let queue = try context.queue
    let topK = try TopK(context: context, group: group)
    let rows = scores[0].count
    let blocks = (rows + 31) / 32
    let scan = try topK.begin(
      queryCount: scores.count, blockCount: blocks, excluded: excluded.flatMap { DistanceTests.words($0, rows) })
    let masks = scores.indices.map { excluded[excluded.count == 1 ? 0 : $0] }
    var upper: [Float] = []
    var bits: [UInt32] = []
    for (line, mask) in zip(scores, masks) {
      for block in 0..<blocks {
        let kept = (block * 32..<min(block * 32 + 32, rows)).filter { !mask.contains($0) }
        upper.append((kept.map { line[$0] }.max() ?? -4) + error)
        bits.append(kept.reduce(0) { $0 | 1 << UInt32($1 % 32) })
      }
    }
    try queue.write(upper, to: scan.upper)
    try queue.write(upper.map { $0 - 2 * error }, to: scan.lower)
    try queue.write(bits, to: scan.found)
    try topK.raise(scan, blocks: blocks / 3, k: k)
    try topK.raise(scan, blocks: blocks, k: k)
    let counts = try topK.candidateCounts(scan)

    var found: [[Int]] = []
    // In two parts, as where there are too many for one.
    for part in [0..<scores.count / 2, scores.count / 2..<scores.count] where !part.isEmpty {
      let list = try topK.collect(scan, part, counts: Array(counts[part]))
      let slots = try queue.read(list.slots, count: list.count)
      let owners = try queue.read(list.owners, count: list.count)
      #expect(owners.map(Int.init) == part.flatMap { [Int](repeating: $0, count: counts[$0]) })
      let exact = try context.makeBuffer(zip(slots, owners).map { scores[Int($1)][Int($0)] })
      found += try topK.best(list, scores: exact, k: k, slack: 0).map { $0.sorted() }
    }
    let truth = zip(scores, masks).map { line, mask -> [Int] in
      let kept = line.indices.filter { !mask.contains($0) }
      guard kept.count > k else { return kept }
      let kth = kept.map { line[$0] }.sorted(by: >)[k - 1].nextDown
      return kept.filter { line[$0] >= kth }
    }
    return (found, truth)
  }

  @Test("the k best are found, however uncertain the pass was", arguments: groups)
  func ordinary(_ group: Int) throws {
    var random = SplitMix(seed: 1)
    for (rows, k) in [(1, 1), (31, 5), (100, 10), (5_000, 1), (20_001, 10), (20_000, 1_000)] {
      let scores = (0..<3).map { _ in random.vector(rows) }
      for error: Float in [0, 1e-3, 1.5] {
        let (found, truth) = try run(group: group, scores, k: k, error: error)
        #expect(found == truth)
      }
    }
  }

  @Test("k at least the number of rows returns them all, and no rows return none", arguments: groups)
  func small(_ group: Int) throws {
    var random = SplitMix(seed: 2)
    let scores = [random.vector(40)]
    let all = Array(0..<40)
    #expect(try run(group: group, scores, k: 40).found == [all])
    #expect(try run(group: group, scores, k: 99).found == [all])
    #expect(try run(group: group, scores, excluded: [Set(all)], k: 9).found == [[]])
  }

  @Test("excluded rows are masked before the selection, for each query by its own mask", arguments: groups)
  func masks(_ group: Int) throws {
    var random = SplitMix(seed: 3)
    let scores = (0..<4).map { _ in random.vector(9_000) }
    // The best are excluded; for the last query nearly all are.
    let excluded = scores.indices.map { q in
      Set(scores[q].indices.filter { scores[q][$0] > 0.5 || (q == 3 && scores[q][$0] > -0.999) })
    }
    let (found, truth) = try run(group: group, scores, excluded: excluded, k: 12)
    #expect(found == truth)
    #expect(found[0].allSatisfy { scores[0][$0] <= 0.5 } && found[0].count >= 12)
  }

  @Test("ties are all found: equal scores, scores an ulp apart, the ends of the range", arguments: groups)
  func nearTies(_ group: Int) throws {
    let rows = 20_000
    let lines: [[Float]] = [
      [Float](repeating: 0.75, count: rows),
      (0..<rows).map { 0.5 + Float($0) * 0x1p-24 },
      (0..<rows).map { $0 % 2 == 0 ? 0.9 : Float(0.9).nextDown },
      [Float](repeating: -1.0000001, count: rows),
      [Float](repeating: 1.0000002, count: rows),
      [Float](repeating: 0, count: rows),
      (0..<rows).map { Float($0 % 7) * -0x1p-140 },
    ]
    let (found, truth) = try run(group: group, lines, k: 10)
    #expect(found == truth)
    #expect(try run(group: group, lines, k: 10, error: 1e-5).found == truth)
  }

  @Test("the threshold is the k-th largest value, bit for bit, over as many values as are asked for", arguments: groups)
  func threshold(_ group: Int) throws {
    var random = SplitMix(seed: 4)
    let context = try DistanceTests.context.get()
    let topK = try TopK(context: context, group: group)
    let lines = [
      random.vector(533), random.vector(533).map { 0.99 + $0 * 1e-6 }, random.vector(533).map { $0 * 1e-30 },
      random.vector(533).enumerated().map { $0 % 2 == 0 ? -4 : $1 },
    ]
    let scan = try topK.begin(
      queryCount: lines.count, blockCount: 533, excluded: [UInt32](repeating: 0, count: 533))
    try context.queue.write(lines.flatMap(\.self), to: scan.lower)
    for blocks in [1, 15, 16, 100, 533] {
      for k in [1, 2, 15, 100, 533] {
        try topK.raise(scan, blocks: blocks, k: k)
        let thresholds = try context.queue.read(scan.thresholds, count: lines.count)
        let truth = lines.map { line -> Float in
          let values = line[..<blocks].filter { $0 > -3 }.sorted(by: >)
          return values.count < k ? -3 : values[k - 1]
        }
        #expect(thresholds == truth)
      }
    }
  }

  @Test("a candidate's score that is not a finite number is an error", arguments: groups, [Float.nan, .infinity])
  func notANumber(_ group: Int, _ value: Float) throws {
    var random = SplitMix(seed: 5)
    let context = try DistanceTests.context.get()
    let topK = try TopK(context: context, group: group)
    let scan = try topK.begin(queryCount: 1, blockCount: 4, excluded: [0, 0, 0, 0])
    try context.queue.write([1, 1, 1, 1], to: scan.upper)
    try context.queue.write([.max, .max, .max, .max], to: scan.found)
    let list = try topK.collect(scan, 0..<1, counts: topK.candidateCounts(scan))
    var scores = random.vector(128)
    #expect(try topK.best(list, scores: context.makeBuffer(scores), k: 3, slack: 0)[0].count == 3)
    scores[77] = value
    #expect(throws: OpenCLError.self) {
      try topK.best(list, scores: context.makeBuffer(scores), k: 3, slack: 0)
    }
  }

  @Test("a mask of another length is an error")
  func maskLength() throws {
    let topK = try TopK(context: DistanceTests.context.get())
    #expect(throws: OpenCLError.self) { try topK.begin(queryCount: 3, blockCount: 4, excluded: [0, 0, 0, 0, 0]) }
  }
}
