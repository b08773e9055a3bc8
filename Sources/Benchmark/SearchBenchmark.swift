import EsViT
import OpenCL
import Operators
import Retrieval

/// How fast one device finds the nearest of many vectors, exactly.
struct SearchBenchmark {
  let dimension: Int
  let sampling: Sampling
  let vectors: Int
  let format: VectorFormat
  var k = 10
  /// Queries a call.
  var batches = [1, 64]

  /// Vectors made and copied at a time.
  private static let block = 8192

  /// - Returns: without runs, but with the reason, where the vectors do not fit the memory that is free.
  func run(on device: PreparedDevice) async throws -> BenchmarkReport.Search {
    let bytes = vectors * Distance.stride(dimension: dimension) * format.bytesPerElement
    var result = BenchmarkReport.Search(
      vectors: vectors, dimension: dimension, format: format.rawValue, k: k, bytes: bytes)
    // As much again for a quicker form of the vectors beside the exact one, for queries and for the way there.
    let needed = 2 * bytes + 512 << 20
    let available = FreeMemory.bytes(of: device.context.device)
    guard needed <= available else {
      result.skipped = "needs \(needed >> 20) MiB of memory, and \(available >> 20) MiB are free"
      return result
    }
    result.runs = try await DeviceActor.run {
      let (index, queries) = try fill(device)
      return try batches.map { count in
        let part = Array(queries[..<count])
        let sampling = count == 1 ? sampling : sampling.brief
        return .init(
          queries: count, latency: try sampling.distribution { _ = try index.nearest(part, k: k) }, bytes: bytes)
      }
    }
    return result
  }

  /// An index of `vectors` vectors, and queries.
  @DeviceActor
  func fill(_ device: PreparedDevice) throws -> (index: ResidentVectors, queries: [[Float]]) {
    let index = try ResidentVectors(
      dimension: dimension, context: device.context, vectors: format, variants: device.variants)
    try index.reserve(vectors)
    var noise = Noise(seed: 1)
    for start in stride(from: 0, to: vectors, by: Self.block) {
      try index.append(noise.floats(min(Self.block, vectors - start) * dimension))
    }
    return (index, (0..<(batches.max() ?? 1)).map { _ in noise.floats(dimension) })
  }
}
