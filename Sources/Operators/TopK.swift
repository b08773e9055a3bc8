import Kernels
import OpenCL

/// The rows that can be among the `k` best of each query, found on the device with the excluded rows masked out first.
///
/// One pass counts scores in bins, which gives a lower bound on the `k`-th best score; a second writes down the rows
/// above it. Where too many share the last bin, the bin itself is divided again, so no distribution of scores (all
/// equal, all within an ulp) costs more than a few passes, and none loses a row. Layouts: `Kernels/top_k.cl`.
@DeviceActor
package final class TopK {
  /// A row and its score.
  package struct Candidate: Sendable, Equatable {
    package var row: Int
    package var score: Float
  }

  private static let bins = 2048
  /// Rows a query may have before its threshold is sought more finely.
  private static let capacity = 4096
  private let context: Context
  private let queue: CommandQueue
  private let counting: Kernel
  private let countingGroup: Int
  private let collecting: Kernel
  private let collectingGroup: Int
  private let lows: Scratch<Float>
  private let scales: Scratch<Float>
  private let histograms: Scratch<UInt32>
  private let found: Scratch<UInt32>
  private let foundRows: Scratch<UInt32>
  private let foundScores: Scratch<Float>

  /// - Parameter group: the largest work-group; the device's own where nil (1 on a CPU).
  package init(context: Context, group: Int? = nil) throws(OpenCLError) {
    self.context = context
    queue = try context.queue
    let sizes = WorkGroup.powersOfTwo(from: group ?? (context.device.kind == .cpu ? 1 : 64))
    let definitions = ["BINS=\(Self.bins)"]
    (counting, countingGroup) = try WorkGroup.kernel(
      "top_k_histogram", of: .topK, definitions: definitions, sizes: sizes, items: { $0 }, limit: nil, in: context)
    (collecting, collectingGroup) = try WorkGroup.kernel(
      "top_k_collect", of: .topK, definitions: definitions, sizes: sizes, items: { $0 }, limit: nil, in: context)
    lows = Scratch(context: context)
    scales = Scratch(context: context)
    histograms = Scratch(context: context)
    found = Scratch(context: context)
    foundRows = Scratch(context: context)
    foundScores = Scratch(context: context)
  }

  /// Scores of many queries over the same rows, and which of the rows count.
  package struct Input {
    /// `[queries, scoreStride]`
    package var scores: Buffer<Float>
    package var scoreStride: Int
    /// Rows, the first `rowCount` of each query's scores.
    package var rowCount: Int
    /// One bit a row, set for the excluded: `maskStride` words a query, or one mask for all where it is 0.
    package var excluded: Buffer<UInt32>
    package var maskStride: Int

    package init(scores: Buffer<Float>, scoreStride: Int, rowCount: Int, excluded: Buffer<UInt32>, maskStride: Int) {
      self.scores = scores
      self.scoreStride = scoreStride
      self.rowCount = rowCount
      self.excluded = excluded
      self.maskStride = maskStride
    }
  }

  /// For each query every row, not excluded, whose score is at least its `k`-th best score less `slack`, in no order.
  ///
  /// - Parameters:
  ///   - eligible: for each query how many rows are not excluded.
  ///   - slack: twice the bound on the scores' error, so that what is left out cannot be among the true `k` best: the
  ///     `k` best by score have true scores ≥ kth − ε, so the true `k`-th best has too, and a row as good as that has
  ///     a score ≥ kth − 2ε.
  /// - Throws: `OpenCLError`, also where a score is not a finite number.
  package func candidates(
    _ input: Input, eligible: [Int], k: Int, slack: Float
  ) throws(OpenCLError) -> [[Candidate]] {
    var thresholds = [Float](repeating: -.infinity, count: eligible.count)
    if eligible.contains(where: { $0 > max(k, Self.capacity) }) {
      try narrow(&thresholds, input, eligible: eligible, k: k)
    }
    let lowered = thresholds.map { ($0 - slack).nextDown }
    let capacity = min(max(2 * k, Self.capacity), input.rowCount)
    let answers = try collect(input, 0..<eligible.count, thresholds: lowered, capacity: capacity)
    var results: [[Candidate]] = []
    for (query, answer) in answers.enumerated() {
      var candidates = answer
      if candidates == nil {
        // More near ties than there was room for: once more for this query alone, with room for all it may have.
        candidates = try collect(input, query..<query + 1, thresholds: lowered, capacity: eligible[query])[0]
      }
      let found = candidates ?? []
      guard thresholds[query] > -.infinity || found.count == eligible[query] else {
        throw notFinite(eligible[query] - found.count, of: eligible[query])
      }
      results.append(Self.cut(found, k: k, slack: slack))
    }
    return results
  }

  /// Raises `thresholds` to values that are at most each query's `k`-th best score, close to it where many rows are.
  private func narrow(_ thresholds: inout [Float], _ input: Input, eligible: [Int], k: Int) throws(OpenCLError) {
    let queries = eligible.count
    var low = [Float](repeating: -1, count: queries)
    var width = [Float](repeating: 2 / Float(Self.bins), count: queries)
    // The second pass divides a bin into 2048 of 5e-7, below any error bound; a third could not divide further.
    for _ in 0..<2 {
      let counts = try histogram(input, lows: low, scales: width.map { 1 / $0 }, queries: queries)
      var again = false
      for query in 0..<queries {
        let first = query * (Self.bins + 1)
        guard counts[first + Self.bins] == 0 else {
          throw notFinite(Int(counts[first + Self.bins]), of: eligible[query])
        }
        guard eligible[query] > k else { continue }
        var passed = 0
        var bin = Self.bins
        while passed < k, bin > 0 {
          bin -= 1
          passed += Int(counts[first + bin])
        }
        // The first bin holds all that lies below, too: its edge bounds nothing.
        guard bin > 0 else { continue }
        // The kernel's (score - low) · scale has two roundings of at most 2^-24 of a value below 4 (scores reach 1.1).
        let edge = low[query] + Float(bin) * width[query] - 0x1p-20
        thresholds[query] = max(thresholds[query], edge)
        if passed > Self.capacity {
          again = true
          low[query] = edge
          width[query] = (width[query] + 0x1p-19) / Float(Self.bins)
        }
      }
      guard again else { return }
    }
  }

  private func histogram(
    _ input: Input, lows: [Float], scales: [Float], queries: Int
  ) throws(OpenCLError) -> [UInt32] {
    let size = queries * (Self.bins + 1)
    let lowBuffer = try self.lows.reserve(queries)
    let scaleBuffer = try self.scales.reserve(queries)
    let histogramBuffer = try histograms.reserve(size)
    try queue.write(lows, to: lowBuffer)
    try queue.write(scales, to: scaleBuffer)
    try queue.fill(histogramBuffer, with: 0, at: 0, count: size)
    try counting.setArguments(
      input.scores, UInt64(input.scoreStride), UInt32(input.rowCount), input.excluded, UInt64(input.maskStride),
      lowBuffer, scaleBuffer, histogramBuffer)
    try queue.enqueue(
      counting, global: [workItems(input.rowCount, countingGroup), queries], local: [countingGroup, 1])
    return try queue.read(histogramBuffer, count: size)
  }

  /// The rows at or above each threshold, nil for a query that has more than `capacity` of them.
  private func collect(
    _ input: Input, _ queries: Range<Int>, thresholds: [Float], capacity: Int
  ) throws(OpenCLError) -> [[Candidate]?] {
    let thresholdBuffer = try lows.reserve(thresholds.count)
    let foundBuffer = try found.reserve(queries.count)
    let rowBuffer = try foundRows.reserve(queries.count * capacity)
    let scoreBuffer = try foundScores.reserve(queries.count * capacity)
    try queue.write(thresholds, to: thresholdBuffer)
    try queue.fill(foundBuffer, with: 0, at: 0, count: queries.count)
    try collecting.setArguments(
      input.scores, UInt64(input.scoreStride), UInt32(input.rowCount), input.excluded, UInt64(input.maskStride),
      thresholdBuffer, UInt32(queries.lowerBound), UInt32(capacity), foundBuffer, rowBuffer, scoreBuffer)
    try queue.enqueue(
      collecting, global: [workItems(input.rowCount, collectingGroup), queries.count], local: [collectingGroup, 1])
    let counts = try queue.read(foundBuffer, count: queries.count)
    return try counts.enumerated().map { place, found throws(OpenCLError) in
      let count = Int(found)
      guard count <= capacity else { return nil }
      let rows = try queue.read(rowBuffer, at: place * capacity, count: count)
      let scores = try queue.read(scoreBuffer, at: place * capacity, count: count)
      return zip(rows, scores).map { Candidate(row: Int($0), score: $1) }
    }
  }

  private func notFinite(_ count: Int, of all: Int) -> OpenCLError {
    OpenCLError(
      operation: "Scoring \(all) vectors on \(context.device.name)", detail: "\(count) scores are not finite numbers")
  }

  /// A few work-groups a compute unit: each strides over the rows.
  private func workItems(_ rowCount: Int, _ group: Int) -> Int {
    let words = (rowCount + 31) / 32
    let groups = min((words + group - 1) / group, 4 * context.device.computeUnits)
    return max(1, groups) * group
  }

  /// Those of `candidates`, which hold the `k` best, that are at least the `k`-th best score less `slack`.
  private static func cut(_ candidates: [Candidate], k: Int, slack: Float) -> [Candidate] {
    guard candidates.count > k, k > 0 else { return k > 0 ? candidates : [] }
    let threshold = (candidates.map(\.score).sorted(by: >)[k - 1] - slack).nextDown
    return candidates.filter { $0.score >= threshold }
  }
}
