import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("TopK")
struct TopKTests {
  /// A CPU's and a GPU's work-group.
  nonisolated static let groups = [1, 64]

  /// The device's answer, by row, and the answer that a sort gives.
  private func run(
    group: Int, _ scores: [[Float]], excluded: [[Bool]], k: Int, slack: Float
  ) throws -> (found: [[Int]], truth: [[Int]]) {
    let context = try DistanceTests.context.get()
    let topK = try TopK(context: context, group: group)
    let rowCount = scores[0].count
    let scoreStride = rowCount + 5
    let maskStride = excluded.count == 1 ? 0 : (rowCount + 31) / 32 + 1
    let words = excluded.flatMap { bits -> [UInt32] in
      var words = [UInt32](repeating: .max, count: (rowCount + 31) / 32 + 1)
      for (row, bit) in bits.enumerated() where !bit { words[row / 32] &= ~(1 << UInt32(row % 32)) }
      return words
    }
    let masks = scores.indices.map { excluded[excluded.count == 1 ? 0 : $0] }
    // What lies beyond the rows would win.
    let flat = scores.flatMap { $0 + [Float](repeating: 9, count: 5) }
    let input = TopK.Input(
      scores: try context.makeBuffer(flat), scoreStride: scoreStride, rowCount: rowCount,
      excluded: try context.makeBuffer(words), maskStride: maskStride)
    let answers = try topK.candidates(
      input, eligible: masks.map { $0.count { !$0 } }, k: k, slack: slack)
    for (answer, line) in zip(answers, scores) {
      for candidate in answer { #expect(candidate.score == line[candidate.row]) }
    }
    let truth = zip(scores, masks).map { line, mask -> [Int] in
      let kept = line.indices.filter { !mask[$0] }
      guard kept.count > k else { return kept }
      let kth = kept.map { line[$0] }.sorted(by: >)[k - 1]
      return kept.filter { line[$0] >= (kth - slack).nextDown }
    }
    return (answers.map { $0.map(\.row).sorted() }, truth)
  }

  @Test("the k best and all near ties are found, nothing else", arguments: groups)
  func ordinary(_ group: Int) throws {
    var random = SplitMix(seed: 1)
    for (rows, k) in [(1, 1), (31, 5), (100, 10), (5_000, 1), (20_001, 10), (20_000, 1_000)] {
      let scores = (0..<3).map { _ in random.vector(rows) }
      let (found, truth) = try run(
        group: group, scores, excluded: [[Bool](repeating: false, count: rows)], k: k, slack: 1e-5)
      #expect(found == truth)
    }
  }

  @Test("k at least the number of rows returns them all, and no rows return none", arguments: groups)
  func small(_ group: Int) throws {
    var random = SplitMix(seed: 2)
    let scores = [random.vector(40)]
    #expect(
      try run(group: group, scores, excluded: [Array(repeating: false, count: 40)], k: 40, slack: 0).found[0].count
        == 40)
    #expect(
      try run(group: group, scores, excluded: [Array(repeating: false, count: 40)], k: 99, slack: 0).found[0].count
        == 40)
    #expect(try run(group: group, scores, excluded: [Array(repeating: true, count: 40)], k: 9, slack: 0).found[0] == [])
  }

  @Test("excluded rows are masked before the selection, for each query by its own mask", arguments: groups)
  func masks(_ group: Int) throws {
    var random = SplitMix(seed: 3)
    let scores = (0..<4).map { _ in random.vector(9_000) }
    // The best are excluded; for the last query nearly all are.
    let excluded = scores.indices.map { q in scores[q].map { $0 > 0.5 || (q == 3 && $0 > -0.999) } }
    let (found, truth) = try run(group: group, scores, excluded: excluded, k: 12, slack: 1e-6)
    #expect(found == truth)
    #expect(found[0].allSatisfy { scores[0][$0] <= 0.5 } && found[0].count >= 12)
  }

  @Test("more near ties than any buffer holds are all found", arguments: groups)
  func nearTies(_ group: Int) throws {
    let rows = 20_000
    let excluded = [[Bool](repeating: false, count: rows)]
    // All equal; all within the slack; two values an ulp apart; at both ends of the range.
    let lines: [[Float]] = [
      [Float](repeating: 0.75, count: rows),
      (0..<rows).map { 0.5 + Float($0) * 0x1p-24 },
      (0..<rows).map { $0 % 2 == 0 ? 0.9 : Float(0.9).nextDown },
      [Float](repeating: -1.0000001, count: rows),
      [Float](repeating: 1.0000002, count: rows),
    ]
    for slack: Float in [0, 1e-5] {
      let (found, truth) = try run(group: group, lines, excluded: excluded, k: 10, slack: slack)
      #expect(found == truth)
    }
  }

  @Test("scores crowded into a narrow band are told apart", arguments: groups)
  func narrow(_ group: Int) throws {
    var random = SplitMix(seed: 4)
    let scores = (0..<2).map { _ in random.vector(20_000).map { 0.99 + $0 * 1e-4 } }
    let (found, truth) = try run(
      group: group, scores, excluded: [[Bool](repeating: false, count: 20_000)], k: 10, slack: 1e-6)
    #expect(found == truth)
    #expect(found[0].count < 1_000)
  }

  @Test("a score that is not a number is an error, unless its row is excluded", arguments: groups, [100, 10_000])
  func notANumber(_ group: Int, _ rows: Int) throws {
    var random = SplitMix(seed: 5)
    var scores = random.vector(rows)
    scores[77] = .nan
    var excluded = [Bool](repeating: false, count: rows)
    #expect(throws: OpenCLError.self) {
      try run(group: group, [scores], excluded: [excluded], k: 10, slack: 0)
    }
    excluded[77] = true
    let (found, truth) = try run(group: group, [scores], excluded: [excluded], k: 10, slack: 0)
    #expect(found == truth)
  }
}
