import OpenCL
import Operators

/// Vectors in device memory: a list of buffers that grows without moving what is there.
///
/// A new chunk holds what is asked for, or a quarter of what is there already, up to 256 MiB: small collections cost
/// little, large ones waste little, and neither needs many launches.
@DeviceActor
final class VectorChunks {
  struct Chunk {
    /// Its first slot; like the capacity a multiple of 64.
    var first: Int
    var capacity: Int
    var rows: Buffer<UInt16>
    var inverseNorms: Buffer<Float>
    /// Where the device has a fast use for them.
    var codes: Int8Distance.Codes?

    var byteCount: Int { rows.byteCount + inverseNorms.byteCount + (codes?.byteCount ?? 0) }
  }

  private static let smallest = 1024
  private static let largestBytes = 256 << 20
  /// A pass over them is a grid of fewer than 65,536 work-groups (`FlatKernel`).
  private static let largestRows = 1 << 21
  /// Vectors that one copy to or from the device may hold, in bytes of f32.
  private static let stagingBytes = 16 << 20

  let dimension: Int
  private let context: Context
  private let operators: SearchOperators
  private var chunks: [Chunk] = []
  private(set) var capacity = 0

  init(dimension: Int, context: Context, operators: SearchOperators) {
    self.dimension = dimension
    self.context = context
    self.operators = operators
  }

  /// Bytes of device memory that the vectors take.
  var bytes: Int { chunks.reduce(0) { $0 + $1.byteCount } }

  /// Makes room for `count` vectors.
  func reserve(_ count: Int) throws(OpenCLError) {
    let words = operators.distance.wordsPerRow(dimension: dimension)
    let bytes = min(Self.largestBytes, context.device.maximumAllocation)
    let largest = max(64, min(Self.largestRows, bytes / (2 * words) / 64 * 64))
    let isCoded = operators.int8 != nil
    while capacity < count {
      let wanted = max(Self.smallest, capacity / 256 * 64, (count - capacity + 63) / 64 * 64)
      let size = min(wanted, largest)
      chunks.append(
        Chunk(
          first: capacity, capacity: size, rows: try context.makeBuffer(count: size * words, pages: .large),
          inverseNorms: try context.makeBuffer(count: size),
          codes: isCoded ? try Int8Distance.Codes(context: context, rows: size, dimension: dimension) : nil))
      capacity += size
    }
  }

  /// Writes `embeddings` `[slots, dimension]`, scaled by `ResidentScale`, to `slots`, and waits for it.
  func pack(_ embeddings: [Float], into slots: [Int]) throws(OpenCLError) {
    let queue = try context.queue
    let block = max(1, Self.stagingBytes / (4 * dimension))
    for start in stride(from: 0, to: slots.count, by: block) {
      let places = slots[start..<min(start + block, slots.count)]
      let source = try operators.floats.reserve(places.count * dimension)
      try queue.write(
        embeddings.span.extracting(start * dimension..<(start + places.count) * dimension), to: source)
      for chunk in chunks {
        let inside = chunk.first..<chunk.first + chunk.capacity
        guard places.contains(where: inside.contains) else { continue }
        let destinations = try operators.destinations.reserve(places.count)
        try queue.write(
          places.map { inside.contains($0) ? UInt32($0 - chunk.first) : Distance.skip }, to: destinations)
        try operators.distance.pack(
          source, count: places.count, dimension: dimension, to: destinations, of: chunk.rows,
          inverseNorms: chunk.inverseNorms)
        if let codes = chunk.codes {
          try operators.int8?.pack(
            destinations, count: places.count, of: chunk.rows, inverseNorms: chunk.inverseNorms, dimension: dimension,
            into: codes)
        }
      }
    }
    try queue.finish()
  }

  /// Looks at the first `scan.blockCount` blocks by `look`, and raises the scan's thresholds now and then: what comes late
  /// is held against what was found early, so that few rows stay candidates.
  func scan(
    _ scan: BlockScan, k: Int, _ look: (Chunk, BlockScan.Range) throws(OpenCLError) -> Void
  ) throws(OpenCLError) {
    // Few blocks first: what they leave behind has been held against nothing.
    var next = max(64, 2 * k)
    var raised = 0
    for chunk in chunks {
      let base = chunk.first / BlockScan.rows
      let end = min(base + chunk.capacity / BlockScan.rows, scan.blockCount)
      var block = base
      while block < end {
        let stop = min(end, max(next, block + 1))
        try look(chunk, .init(first: block - base, count: stop - block, base: block))
        block = stop
        if block >= next {
          try operators.topK.raise(scan, blocks: block, k: k)
          raised = block
          next = 8 * block
        }
      }
    }
    if raised < scan.blockCount { try operators.topK.raise(scan, blocks: scan.blockCount, k: k) }
  }

  /// The cosines of `list`'s rows with their queries into `scores`.
  func refine(_ list: TopK.Rows, _ queries: Buffer<Float>, into scores: Buffer<Float>) throws(OpenCLError) {
    for chunk in chunks {
      try operators.distance.refine(
        list, origin: chunk.first, capacity: chunk.capacity, rows: chunk.rows, inverseNorms: chunk.inverseNorms,
        dimension: dimension, queries: queries, into: scores)
    }
  }

  /// How many vectors `gather` may be asked for at once.
  var gatherLimit: Int { max(1, Self.stagingBytes / (4 * Distance.stride(dimension: dimension))) }

  /// The resident vectors of `slots`, exactly, `[slots, stride]`.
  func gather(_ slots: ArraySlice<Int>) throws(OpenCLError) -> [Float] {
    let queue = try context.queue
    let size = slots.count * Distance.stride(dimension: dimension)
    let gathered = try operators.floats.reserve(size)
    for chunk in chunks {
      let inside = chunk.first..<chunk.first + chunk.capacity
      var sources: [UInt32] = []
      var destinations: [UInt32] = []
      for (place, slot) in slots.enumerated() where inside.contains(slot) {
        sources.append(UInt32(slot - chunk.first))
        destinations.append(UInt32(place))
      }
      guard !sources.isEmpty else { continue }
      let sourceBuffer = try operators.sources.reserve(sources.count)
      let destinationBuffer = try operators.destinations.reserve(sources.count)
      try queue.write(sources, to: sourceBuffer)
      try queue.write(destinations, to: destinationBuffer)
      try operators.distance.gather(
        sourceBuffer, of: chunk.rows, count: sources.count, dimension: dimension, to: destinationBuffer, of: gathered)
    }
    return try queue.read(gathered, count: size)
  }
}
