import Kernels
import OpenCL

/// The rows that can be among the `k` best of each query, found on the device with the excluded rows masked out first.
///
/// A pass over all rows leaves bounds a block behind (`BlockScan`). The `k`-th largest lower bound is a score that the
/// `k`-th best row reaches, since `k` blocks have a row each that does; whatever may reach it is collected. The bounds do
/// the rest: however the scores are distributed (all equal, all within an ulp), no row is lost. Layouts: `Kernels/top_k.cl`.
@DeviceActor
package final class TopK {
  /// Rows of some queries, one query after the other.
  package struct Rows {
    /// `[sum of counts]`
    package let slots: Buffer<UInt32>
    /// The query that each row is for.
    package let owners: Buffer<UInt32>
    /// How many each query has.
    package let counts: [Int]
    package var count: Int { counts.reduce(0, +) }
    fileprivate let starts: Buffer<UInt32>
  }

  private let queue: CommandQueue
  private let selecting: Kernel
  private let counting: Kernel
  private let collecting: Kernel
  private let group: Int
  private let excluded: Scratch<UInt32>
  private let thresholds: Scratch<Float>
  private let upper: Scratch<Float>
  private let lower: Scratch<Float>
  private let found: Scratch<UInt32>
  private let starts: Scratch<UInt32>
  private let counts: Scratch<UInt32>
  private let totals: Scratch<UInt32>
  private let rowStarts: Scratch<UInt32>
  private let edges: Scratch<Float>
  private let slots: Scratch<UInt32>
  private let owners: Scratch<UInt32>

  /// - Parameter group: the largest work-group; the device's own where nil (1 on a CPU).
  package init(context: Context, group: Int? = nil) throws(OpenCLError) {
    queue = try context.queue
    let sizes = WorkGroup.powersOfTwo(from: group ?? (context.device.kind == .cpu ? 1 : 256))
    (selecting, self.group) = try WorkGroup.kernel(
      "top_k_threshold", of: .topK, sizes: sizes, items: { $0 }, limit: nil, in: context)
    let source = KernelFile.topK.source(["T=\(self.group)"])
    counting = try context.kernel("top_k_count", source)
    collecting = try context.kernel("top_k_collect", source)
    excluded = Scratch(context: context)
    thresholds = Scratch(context: context)
    upper = Scratch(context: context)
    lower = Scratch(context: context)
    found = Scratch(context: context)
    starts = Scratch(context: context)
    counts = Scratch(context: context)
    totals = Scratch(context: context)
    rowStarts = Scratch(context: context)
    edges = Scratch(context: context)
    slots = Scratch(context: context)
    owners = Scratch(context: context)
  }

  /// A scan of `blockCount` blocks with nothing known yet. It is good until the next one begins.
  ///
  /// - Parameter excluded: one bit a row, set where it must not be found: `blockCount` words for all queries, or as many
  ///   for each. Rows that do not exist are excluded, too.
  package func begin(queryCount: Int, blockCount: Int, excluded words: [UInt32]) throws(OpenCLError) -> BlockScan {
    let isShared = words.count == blockCount
    guard isShared || words.count == queryCount * blockCount else {
      throw OpenCLError(operation: "A mask of \(words.count) words is not one of \(blockCount) blocks")
    }
    let scan = BlockScan(
      queryCount: queryCount, blockCount: blockCount, excluded: try excluded.reserve(words.count),
      maskStride: isShared ? 0 : blockCount, thresholds: try thresholds.reserve(queryCount),
      upper: try upper.reserve(queryCount * blockCount), lower: try lower.reserve(queryCount * blockCount),
      found: try found.reserve(queryCount * blockCount), starts: try starts.reserve(queryCount),
      counts: try counts.reserve(queryCount))
    try queue.write(words, to: scan.excluded)
    try queue.write((0..<queryCount).map { UInt32($0 * blockCount) }, to: scan.starts)
    try queue.fill(scan.counts, with: UInt32(blockCount), count: queryCount)
    try queue.fill(scan.thresholds, with: -3, count: queryCount)
    return scan
  }

  /// Raises the scan's thresholds to what its first `blocks` blocks show.
  package func raise(_ scan: BlockScan, blocks: Int, k: Int) throws(OpenCLError) {
    try selecting.setArguments(scan.lower, scan.starts, scan.counts, UInt32(blocks), UInt32(k), scan.thresholds)
    try queue.enqueue(selecting, global: [scan.queryCount * group], local: [group])
  }

  /// How many rows of each query may reach its threshold.
  package func candidateCounts(_ scan: BlockScan) throws(OpenCLError) -> [Int] {
    let totals = try self.totals.reserve(scan.queryCount)
    try counting.setArguments(
      scan.upper, scan.found, UInt64(scan.blockCount), UInt32(scan.blockCount), scan.thresholds, totals)
    try queue.enqueue(counting, global: [scan.queryCount * group], local: [group])
    return try queue.read(totals, count: scan.queryCount).map(Int.init)
  }

  /// The rows of `queries`, `counts` of each. They are good until the next ones are collected.
  package func collect(_ scan: BlockScan, _ queries: Range<Int>, counts: [Int]) throws(OpenCLError) -> Rows {
    let total = counts.reduce(0, +)
    let rows = Rows(
      slots: try slots.reserve(total), owners: try owners.reserve(total), counts: counts,
      starts: try rowStarts.reserve(queries.count))
    var next: UInt32 = 0
    let starts = counts.map { count in
      defer { next += UInt32(count) }
      return next
    }
    try queue.write(starts, to: rows.starts)
    try collecting.setArguments(
      scan.upper, scan.found, UInt64(scan.blockCount), UInt32(scan.blockCount), scan.thresholds,
      UInt32(queries.lowerBound), rows.starts, rows.slots, rows.owners)
    try queue.enqueue(collecting, global: [queries.count * group], local: [group])
    return rows
  }

  /// Those of each query's `rows` whose score is at least its `k`-th best score less `slack`.
  ///
  /// - Parameters:
  ///   - scores: one a row, in the rows' order.
  ///   - slack: twice the bound on the scores' error, so that what is left out cannot be among the true `k` best: the
  ///     `k` best by score have true scores ≥ kth − ε, so the true `k`-th best has too, and a row as good as that has
  ///     a score ≥ kth − 2ε.
  /// - Throws: `OpenCLError`, also where a score is not a finite number.
  package func best(_ rows: Rows, scores: Buffer<Float>, k: Int, slack: Float) throws(OpenCLError) -> [[Int]] {
    let total = rows.count
    guard total > 0 else { return rows.counts.map { _ in [] } }
    let counts = try totals.reserve(rows.counts.count)
    let edges = try self.edges.reserve(rows.counts.count)
    try queue.write(rows.counts.map(UInt32.init), to: counts)
    try selecting.setArguments(scores, rows.starts, counts, UInt32.max, UInt32(k), edges)
    try queue.enqueue(selecting, global: [rows.counts.count * group], local: [group])
    let thresholds = try queue.read(edges, count: rows.counts.count)
    let slots = try queue.read(rows.slots, count: total)
    let values = try queue.read(scores, count: total)
    var best: [[Int]] = []
    var first = 0
    for (count, threshold) in zip(rows.counts, thresholds) {
      let lowered = (threshold - slack).nextDown
      var kept: [Int] = []
      for index in first..<first + count {
        guard values[index].isFinite else {
          throw OpenCLError(
            operation: "Scoring \(total) vectors", detail: "the score of vector \(slots[index]) is \(values[index])")
        }
        if values[index] >= lowered { kept.append(Int(slots[index])) }
      }
      best.append(kept)
      first += count
    }
    return best
  }
}
