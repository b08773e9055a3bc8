import OpenCL
import Operators

/// Vectors on the device and the exact search over them, without a store: for benchmarks and for checks at sizes that
/// would take minutes to write down. What is added here is gone with the object.
///
/// It is the same index that an `Archive` searches, so its figures are an archive's less the store's part.
@DeviceActor
package final class ResidentVectors {
  /// A vector found: its place in the order of insertion, and its exact cosine in double precision.
  package struct Neighbour: Sendable, Equatable {
    package let position: Int
    package let score: Double
  }

  private let index: VectorIndex

  /// - Parameters:
  ///   - dimension: numbers a vector, at least 1.
  ///   - vectors: how they lie in device memory.
  ///   - variants: the kernels that the self-check found right; the device's own where nil.
  package init(
    dimension: Int, context: Context, vectors: VectorFormat = .f16, variants: Variants? = nil
  ) throws(OpenCLError) {
    index = VectorIndex(
      dimension: dimension, operators: try SearchOperators(context: context, format: vectors, variants: variants))
  }

  /// Vectors that a search sees.
  package var count: Int { index.table.count }
  /// Bytes of device memory that they take, room for growth included.
  package var bytes: Int { index.chunks.bytes }

  /// Makes room for `count` vectors in all, so that adding them allocates nothing.
  ///
  /// - Throws: `OpenCLError` where the device's memory does not hold them.
  package func reserve(_ count: Int) throws(OpenCLError) { try index.reserve(count) }

  /// Adds `embeddings` `[count, dimension]` behind what is there. Some thousand at a time keep the copies small.
  ///
  /// - Throws: `OpenCLError`, also for a vector that is zero or not finite; then none is added.
  package func append(_ embeddings: [Float]) throws(OpenCLError) {
    guard embeddings.count.isMultiple(of: index.dimension) else {
      throw OpenCLError(
        operation: "\(embeddings.count) numbers are not whole vectors of \(index.dimension)")
    }
    let first = Int64(index.table.slotCount)
    for (place, slot) in try index.stage(embeddings).enumerated() {
      index.publish(slot, row: first + Int64(place) + 1, fields: [])
    }
  }

  /// The `k` nearest vectors of each query by exact cosine, best first, equal scores in the order of insertion.
  ///
  /// - Parameter queries: each `dimension` finite numbers, not all zero.
  package func nearest(_ queries: [[Float]], k: Int) throws(OpenCLError) -> [[Neighbour]] {
    for query in queries where query.count != index.dimension || !ResidentScale.isUsable(query) {
      throw OpenCLError(operation: "A query is not \(index.dimension) finite numbers, one of them not zero")
    }
    return try index.nearest(queries, k: k, SearchMasks(masks: [index.table.vacant])).map { hits in
      hits.map { Neighbour(position: Int($0.row) - 1, score: $0.score) }
    }
  }
}
