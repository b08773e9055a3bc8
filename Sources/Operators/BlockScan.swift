import OpenCL

/// What a pass over all rows leaves behind for each query and block of 32 rows: bounds on the block's best score, and
/// which rows may reach the threshold that was known when the pass came by. `TopK` makes it and reads it, `Distance` and
/// `Int8Distance` fill it. Layouts: `Kernels/distance.cl`.
package struct BlockScan {
  /// Rows a block.
  package static let rows = 32

  package let queryCount: Int
  package let blockCount: Int
  /// `[queryCount or 1, blockCount]`, one bit a row.
  let excluded: Buffer<UInt32>
  /// 0 where one mask is for all queries.
  let maskStride: Int
  /// `[queryCount]`, scores that the k-th best row is known to reach.
  let thresholds: Buffer<Float>
  /// `[queryCount, blockCount]`, like the two below.
  let upper: Buffer<Float>
  let lower: Buffer<Float>
  let found: Buffer<UInt32>
  /// `[queryCount]`, where a query's blocks begin, and how many they are.
  let starts: Buffer<UInt32>
  let counts: Buffer<UInt32>

  /// Blocks that lie in one buffer of rows.
  package struct Range: Sendable {
    /// The first of them in that buffer.
    package var first: Int
    package var count: Int
    /// The first of them among all blocks.
    package var base: Int

    package init(first: Int, count: Int, base: Int) {
      self.first = first
      self.count = count
      self.base = base
    }
  }
}
