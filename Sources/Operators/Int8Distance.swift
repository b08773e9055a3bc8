import Kernels
import OpenCL

/// A first look at resident vectors through 8-bit codes, a half of the bytes and a quarter of the arithmetic, with a bound
/// on what it may miss. Layouts and the proof: `Kernels/distance_int8.cl`.
@DeviceActor
package final class Int8Distance {
  package nonisolated let variant: Variant
  private let queue: CommandQueue
  private let packing: FlatKernel
  private let scanning: Kernel
  private static let blocksPerItem = 4

  /// The codes of some rows and what goes with them.
  package struct Codes {
    fileprivate let codes: Buffer<UInt32>
    fileprivate let scales: Buffer<Float>
    fileprivate let offsets: Buffer<Int32>
    fileprivate let errors: Buffer<Float>

    /// - Parameter rows: a multiple of 32.
    @DeviceActor
    package init(context: Context, rows: Int, dimension: Int) throws(OpenCLError) {
      codes = try context.makeBuffer(count: rows * (Distance.stride(dimension: dimension) / 4), pages: .large)
      scales = try context.makeBuffer(count: rows)
      offsets = try context.makeBuffer(count: rows)
      errors = try context.makeBuffer(count: rows)
      // A block's bound is made of all its rows' errors, those of empty slots among them.
      try context.queue.fill(errors, with: 0)
    }

    package var byteCount: Int { codes.byteCount + scales.byteCount + offsets.byteCount + errors.byteCount }
  }

  /// Queries in 8 bits.
  package struct Queries: Sendable {
    /// `[queries, stride]`, each code + 128.
    private(set) var codes: [UInt8] = []
    private(set) var scales: [Float] = []
    /// The length of what rounding left, at most.
    private(set) var errors: [Float] = []

    /// - Parameter queries: each `dimension` finite numbers at length 1.
    package init(_ queries: [[Double]]) {
      for query in queries {
        let largest = query.reduce(0) { max($0, $1.magnitude) }
        let scale = Float(largest / 127)
        var squares = 0.0
        for element in query {
          let code = min(127, max(-127, (element / Double(scale)).rounded(.toNearestOrEven)))
          let error = element - Double(scale) * code
          squares += error * error
          codes.append(UInt8(128 + Int(code)))
        }
        codes += [UInt8](repeating: 128, count: Distance.stride(dimension: query.count) - query.count)
        scales.append(scale)
        errors.append(Float(squares.squareRoot() + 1e-9).nextUp)
      }
    }
  }

  /// A place for queries in 8 bits on the device.
  package struct QueryBuffers {
    fileprivate let codes: Scratch<UInt8>
    fileprivate let scales: Scratch<Float>
    fileprivate let errors: Scratch<Float>

    @DeviceActor
    package init(context: Context) {
      codes = Scratch(context: context)
      scales = Scratch(context: context)
      errors = Scratch(context: context)
    }
  }

  /// - Parameters:
  ///   - format: of the resident rows that codes are made of.
  ///   - variant: the device's own where nil.
  package init(context: Context, format: VectorFormat, variant: Variant? = nil) throws(OpenCLError) {
    self.variant = variant ?? Variants.preferred(for: context.device)[.distanceInt8]
    queue = try context.queue
    // An emulator that runs the packed variant for its own ends has no such instruction.
    let isPacked = self.variant == .packed && Variant.packed.suits(context.device, for: .int8)
    let source = KernelFile.distanceInt8.source(
      format.definitions + ["BLOCKS=\(Self.blocksPerItem)"] + (isPacked ? ["INT8_DOT"] : []),
      prelude: .element)
    packing = try FlatKernel("int8_pack", of: source, in: context)
    scanning = try context.kernel("int8_blocks", source)
  }

  /// Makes the codes of those rows among `slots` that are not `Distance.skip`.
  package func pack(
    _ slots: Buffer<UInt32>, count: Int, of rows: Buffer<UInt16>, inverseNorms: Buffer<Float>, dimension: Int,
    into codes: Codes
  ) throws(OpenCLError) {
    guard count > 0 else { return }
    try packing.kernel.setArguments(
      rows, inverseNorms, slots, codes.codes, codes.scales, codes.offsets, codes.errors,
      UInt32(Distance.stride(dimension: dimension)))
    try packing.enqueue(items: count, countArgument: 8)
  }

  /// Brings queries to the device.
  package func write(_ queries: Queries, to buffers: QueryBuffers) throws(OpenCLError) {
    try queue.write(queries.codes, to: buffers.codes.reserve(queries.codes.count))
    try queue.write(queries.scales, to: buffers.scales.reserve(queries.scales.count))
    try queue.write(queries.errors, to: buffers.errors.reserve(queries.errors.count))
  }

  /// Looks at `blocks` of `codes` for the queries of `scan`, which were written to `queries`.
  package func scan(
    _ scan: BlockScan, _ blocks: BlockScan.Range, codes: Codes, dimension: Int, queries: QueryBuffers
  ) throws(OpenCLError) {
    guard blocks.count > 0, scan.queryCount > 0 else { return }
    let stride = Distance.stride(dimension: dimension)
    let rounding = 0x1p-24 * (0.51 * Float(stride / 16 + 5) + 44)
    try scanning.setArguments(
      codes.codes, codes.scales, codes.offsets, codes.errors, queries.codes.reserve(scan.queryCount * stride),
      queries.scales.reserve(scan.queryCount), queries.errors.reserve(scan.queryCount), scan.excluded,
      UInt64(scan.maskStride), scan.thresholds, scan.upper, scan.lower, scan.found, UInt64(scan.blockCount),
      UInt32(blocks.first), UInt32(blocks.count), UInt64(blocks.base), UInt32(stride), UInt32(scan.queryCount),
      rounding)
    try queue.enqueue(scanning, global: [(blocks.count + Self.blocksPerItem - 1) / Self.blocksPerItem], local: [1])
  }
}
