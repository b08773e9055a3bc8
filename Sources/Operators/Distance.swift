import Kernels
import OpenCL

/// Cosines between resident vectors and queries, with a proven bound on their error.
///
/// A resident row is `stride` elements of `VectorFormat`, zero beyond the dimension; beside the rows lie their inverse
/// norms. Layouts, work-groups and the proof: `Kernels/distance.cl`.
@DeviceActor
package final class Distance {
  package nonisolated let format: VectorFormat
  package nonisolated let variant: Variant
  /// Work-items that share a row.
  private let group: Int
  private let queue: CommandQueue
  private let packing: FlatKernel
  private let gathering: FlatKernel
  private let scanning: Kernel
  private let refining: Kernel

  /// A destination of `pack` that is passed over.
  package nonisolated static let skip = UInt32.max
  private static let queriesPerGroup = 4
  private static let blocksPerItem = 2
  private static let rowsPerItem = 16
  /// Work-groups in a row of the grid (`FlatKernel`).
  private static let width = 1 << 15

  /// - Parameters:
  ///   - variant: the device's own where nil.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  package init(
    context: Context, format: VectorFormat, variant: Variant? = nil, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    self.format = format
    self.variant = variant ?? Variants.preferred(for: context.device)[.distance]
    queue = try context.queue
    let definitions = format.definitions
    packing = try FlatKernel(
      "distance_pack", of: KernelFile.distanceRows.source(definitions, prelude: .element), in: context)
    gathering = try FlatKernel(
      "distance_gather", of: KernelFile.distanceRows.source(definitions, prelude: .element), in: context)
    let source: ProgramSource
    switch self.variant {
    case .cpu, .packed:
      group = 1
      source = KernelFile.distanceCPU.source(
        definitions + ["BLOCKS=\(Self.blocksPerItem)", "LIST=\(Self.rowsPerItem)"], prelude: .element)
      scanning = try context.kernel("distance_blocks", source)
    case .portable:
      let sized = definitions + ["QUERIES=\(Self.queriesPerGroup)"]
      (scanning, group) = try WorkGroup.kernel(
        "distance_blocks", of: .distance, definitions: sized, sizes: WorkGroup.powersOfTwo(from: 64), items: { $0 },
        limit: workGroupLimit, in: context)
      source = KernelFile.distance.source(sized + ["T=\(group)"])
    }
    refining = try context.kernel("distance_refine", source)
  }

  /// Elements between one resident row and the next.
  package nonisolated static func stride(dimension: Int) -> Int { (dimension + 15) / 16 * 16 }

  /// 16-bit words of a resident row.
  package nonisolated func wordsPerRow(dimension: Int) -> Int {
    Self.stride(dimension: dimension) * format.bytesPerElement / 2
  }

  /// How far a score may be from the exact cosine of the resident row and the given query, at most.
  package func errorBound(dimension: Int) -> Float {
    let stride = Self.stride(dimension: dimension)
    let roundings =
      variant == .cpu ? stride / 16 + 5 : (stride + group - 1) / group + group.trailingZeroBitCount + 1
    let normRoundings = stride / 16 + 5
    return 0x1p-24 * (1.01 * Float(roundings) + 0.505 * Float(normRoundings) + 24)
  }

  /// Converts `count` vectors of `source` `[count, dimension]` to rows `destinations` and computes their inverse norms;
  /// those whose destination is `skip` are passed over.
  ///
  /// The largest magnitude of each vector must lie in 2^-9…2^15, or halves lose it.
  package func pack(
    _ source: Buffer<Float>, count: Int, dimension: Int, to destinations: Buffer<UInt32>, of rows: Buffer<UInt16>,
    inverseNorms: Buffer<Float>
  ) throws(OpenCLError) {
    guard count > 0 else { return }
    try packing.kernel.setArguments(
      source, destinations, rows, inverseNorms, UInt32(dimension), UInt32(Self.stride(dimension: dimension)))
    try packing.enqueue(items: count, countArgument: 6)
  }

  /// Looks at `blocks` of `rows` for the queries of `scan`, `queries` `[queryCount, stride]` (unit length, zero beyond the
  /// dimension).
  package func scan(
    _ scan: BlockScan, _ blocks: BlockScan.Range, rows: Buffer<UInt16>, inverseNorms: Buffer<Float>, dimension: Int,
    queries: Buffer<Float>
  ) throws(OpenCLError) {
    guard blocks.count > 0, scan.queryCount > 0 else { return }
    try scanning.setArguments(
      rows, inverseNorms, queries, scan.excluded, UInt64(scan.maskStride), scan.thresholds, scan.upper, scan.lower,
      scan.found, UInt64(scan.blockCount), UInt32(blocks.first), UInt32(blocks.count), UInt64(blocks.base),
      UInt32(Self.stride(dimension: dimension)), UInt32(scan.queryCount), errorBound(dimension: dimension))
    switch variant {
    case .cpu, .packed:
      try queue.enqueue(
        scanning, global: [(blocks.count + Self.blocksPerItem - 1) / Self.blocksPerItem], local: [1])
    case .portable:
      let tiles = (scan.queryCount + Self.queriesPerGroup - 1) / Self.queriesPerGroup
      try queue.enqueue(scanning, global: [blocks.count * group, tiles], local: [group, 1])
    }
  }

  /// The cosine of each of `list` that lies in `rows`, which hold slots `origin..<origin + capacity`, with its query:
  /// `scores[i]` for the list's row `i`.
  package func refine(
    _ list: TopK.Rows, origin: Int, capacity: Int, rows: Buffer<UInt16>, inverseNorms: Buffer<Float>, dimension: Int,
    queries: Buffer<Float>, into scores: Buffer<Float>
  ) throws(OpenCLError) {
    let count = list.count
    guard count > 0 else { return }
    try refining.setArguments(
      rows, inverseNorms, queries, list.slots, list.owners, scores, UInt32(origin), UInt32(capacity),
      UInt32(Self.stride(dimension: dimension)), UInt32(count))
    let items = variant == .cpu ? (count + Self.rowsPerItem - 1) / Self.rowsPerItem : count
    let width = min(items, Self.width)
    try queue.enqueue(refining, global: [width * group, (items + width - 1) / width], local: [group, 1])
  }

  /// Copies rows `sources[i]` to places `destinations[i]` of `gathered` `[…, stride]`, as floats, exactly.
  package func gather(
    _ sources: Buffer<UInt32>, of rows: Buffer<UInt16>, count: Int, dimension: Int, to destinations: Buffer<UInt32>,
    of gathered: Buffer<Float>
  ) throws(OpenCLError) {
    guard count > 0 else { return }
    let stride = Self.stride(dimension: dimension)
    try gathering.kernel.setArguments(rows, sources, destinations, gathered, UInt32(stride))
    try gathering.enqueue(items: count * (stride / 16), countArgument: 5)
  }
}
