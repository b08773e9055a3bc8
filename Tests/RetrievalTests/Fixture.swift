import Foundation
import OpenCL
import Operators
import Testing

@testable import Retrieval

/// A directory of its own, removed at the end of its life.
final class TemporaryDirectory: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("retrieval-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}

/// What all tests of archives share.
enum Fixture {
  /// One context for all: a driver compiles each kernel once.
  @DeviceActor static let context = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }
  static let model = ModelIdentity(
    fingerprint: String(repeating: "ab", count: 32), name: "test", dimension: 16, header: ["licence": "none"])

  /// An archive in `directory` with one collection `c`.
  @DeviceActor
  static func archive(
    _ directory: TemporaryDirectory, dimension: Int = 16, vectors: VectorFormat = .f16
  ) async throws -> Archive {
    let archive = try await open(directory, vectors: vectors)
    _ = try await archive.create("c", dimension: dimension)
    return archive
  }

  @DeviceActor
  static func open(
    _ directory: TemporaryDirectory, vectors: VectorFormat = .f16, model: ModelIdentity = model
  ) async throws -> Archive {
    try await Archive(state: directory.url, context: context.get(), vectors: vectors, model: model)
  }

  static func item(
    _ id: String, _ embedding: [Float], label: String? = nil, slide: String? = nil, patient: String? = nil,
    metadata: [String: MetadataValue]? = nil, sha256: Data? = nil
  ) -> NewItem {
    NewItem(
      ItemDescription(
        id: id, label: label, slide: slide, patient: patient, imageSHA256: sha256, metadata: metadata),
      embedding: embedding)
  }

  /// `count` items `0`, `1`, … with random embeddings.
  static func items(_ count: Int, dimension: Int = 16, seed: UInt64 = 1) -> [NewItem] {
    var random = SplitMix(seed: seed)
    return (0..<count).map { item("\($0)", random.vector(dimension)) }
  }
}

/// The search that the archive has to equal: every vector, in double precision, sorted.
struct BruteForce {
  /// As resident: rounded to half where the archive keeps halves.
  var vectors: [[Float]]
  var ids: [String]

  init(_ items: [NewItem], _ format: VectorFormat = .f16) {
    vectors = items.map { format == .f16 ? $0.embedding.map { Float(Float16($0)) } : $0.embedding }
    ids = items.map(\.description.id)
  }

  func search(_ query: [Float], k: Int, where isKept: (Int) -> Bool = { _ in true }) -> [(id: String, score: Double)] {
    var found: [(index: Int, score: Double)] = []
    query.withUnsafeBufferPointer { query in
      for index in vectors.indices where isKept(index) {
        vectors[index].withUnsafeBufferPointer { vector in
          var dot = 0.0
          var qq = 0.0
          var vv = 0.0
          for i in 0..<query.count {
            dot += Double(query[i]) * Double(vector[i])
            qq += Double(query[i]) * Double(query[i])
            vv += Double(vector[i]) * Double(vector[i])
          }
          found.append((index, dot / (qq * vv).squareRoot()))
        }
      }
    }
    found.sort { $0.score > $1.score || ($0.score == $1.score && $0.index < $1.index) }
    return found.prefix(k).map { (ids[$0.index], min(1, max(-1, $0.score))) }
  }
}

/// Fails unless `answer` is `truth`, order and scores included.
func expect(
  _ answer: QueryAnswer, equals truth: [(id: String, score: Double)], _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(answer.neighbours.map(\.item.description.id) == truth.map(\.id), comment, sourceLocation: sourceLocation)
  #expect(answer.neighbours.map(\.score) == truth.map(\.score), comment, sourceLocation: sourceLocation)
}

extension SearchAnswer {
  /// The answer of the only query.
  func only() throws -> QueryAnswer {
    #expect(results.count == 1)
    return try #require(results.first).get()
  }
}

/// A small generator with a seed (Steele, Lea and Flood, 2014): the same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Numbers in -1…1.
  mutating func vector(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(Int64(bitPattern: next()) >> 40) * 0x1p-23 }
  }
}
