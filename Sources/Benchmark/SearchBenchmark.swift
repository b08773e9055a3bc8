import EsViT
import Foundation
import Operators
import Retrieval

/// How fast one device finds the nearest of many vectors, in a real archive in a temporary directory.
struct SearchBenchmark {
  let model: Model
  let sampling: Sampling
  let vectors: Int
  let format: VectorFormat
  var k = 10
  var batch = 64

  private static let collection = "benchmark"
  /// Items one transaction.
  private static let block = 4096

  func run(on device: PreparedDevice) async throws -> BenchmarkReport.Search {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "esvitd-bench-\(UUID().uuidString)", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: folder) }
    let dimension = model.architecture.dimension
    let archive = try await Archive(
      state: folder, context: device.context, vectors: format,
      model: ModelIdentity(fingerprint: model.fingerprint, name: model.name, dimension: dimension))
    do {
      let result = try await measure(archive, dimension)
      await archive.close()
      return result
    } catch {
      await archive.close()
      throw error
    }
  }

  private func measure(_ archive: Archive, _ dimension: Int) async throws -> BenchmarkReport.Search {
    _ = try await archive.create(Self.collection)
    var noise = Noise(seed: 1)
    for start in stride(from: 0, to: vectors, by: Self.block) {
      let items = (start..<min(start + Self.block, vectors)).map {
        NewItem(ItemDescription(id: "\($0)"), embedding: noise.floats(dimension))
      }
      for case .failed(let error) in try await archive.add(items, to: Self.collection, onConflict: .error) {
        throw BenchmarkError.notStored("\(error)")
      }
    }
    let queries = (0..<batch).map { _ in Query(.embedding(noise.floats(dimension))) }
    func time(_ queries: [Query]) async throws -> Distribution {
      let times = try await sampling.times {
        for answer in try await archive.search(Self.collection, queries: queries, k: k).results {
          _ = try answer.get()
        }
      }
      guard let distribution = Distribution(milliseconds: times) else { throw BenchmarkError.noSample }
      return distribution
    }
    let latency = try await time([queries[0]])
    let throughput = try await time(queries)
    return BenchmarkReport.Search(
      vectors: vectors, format: format.rawValue, k: k, latency: latency, batch: batch,
      queriesPerSecond: 1e3 * Double(batch) / throughput.p50)
  }
}
