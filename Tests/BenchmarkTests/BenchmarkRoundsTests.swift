import EsViT
import Foundation
import OpenCL
import Operators
import Testing

@testable import Benchmark

@Suite("A standing benchmark answers lines")
struct BenchmarkRoundsTests {
  private func rounds() async throws -> BenchmarkRounds {
    let model = Model.random(
      Architecture(embedDimension: 32, depths: [1, 1], heads: [1, 2], window: 4, patchSize: 4, trainedSide: 32),
      preprocessing: Preprocessing(resize: 36, crop: 32))
    var benchmark = Benchmark(model: model, location: "")
    benchmark.counts = [300]
    return try await DeviceActor.run {
      let device = try Device.select("auto")
      let context = try Context(device: device, cacheDirectory: nil)
      return BenchmarkRounds(
        benchmark, on: PreparedDevice(context: context, variants: .preferred(for: device), warnings: []))
    }
  }

  private func answer(_ line: String, _ rounds: BenchmarkRounds) async throws -> [String: Any] {
    let answer = await rounds.answer(line)
    return try #require(try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any], "\(answer)")
  }

  @Test("times of encoding, of pictures and of searching")
  func times() async throws {
    let rounds = try await rounds()
    let file = FileManager.default.temporaryDirectory.appending(path: "esvitd bench \(UUID()).jpg")
    try Data(try TissuePattern.jpeg(1, side: 50)).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    for line in ["encode 2 0", "search 1 0", "search 64 0", "image 0 \(file.path(percentEncoded: false))"] {
      let times = try #require(try await answer(line, rounds)["milliseconds"] as? [Double], "\(line)")
      #expect(times.count == 3 && times.allSatisfy { $0 > 0 }, "\(line)")
    }
  }

  @Test("embeddings and neighbours are those of the generator's values")
  func values() async throws {
    let rounds = try await rounds()
    let embeddings = try #require(try await answer("embed 3", rounds)["embeddings"] as? [[Double]])
    #expect(embeddings.map(\.count) == [64, 64, 64])
    #expect(embeddings[0] != embeddings[1])

    // The same in double precision, with the numbers drawn one by one.
    var noise = Noise(seed: 1)
    let vectors = (0..<300).map { _ in noise.floats(64).map(Double.init) }
    let query = noise.floats(64).map(Double.init)
    func cosine(_ vector: [Double]) -> Double {
      zip(vector, query).reduce(0) { $0 + $1.0 * $1.1 } / vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let best = vectors.indices.sorted { cosine(vectors[$0]) > cosine(vectors[$1]) }
    let neighbours = try #require(try await answer("neighbours 1", rounds)["neighbours"] as? [[Int]])
    #expect(neighbours.first?.first == best.first)
    #expect(Set(neighbours[0]).intersection(best.prefix(10)).count >= 9, "halves may swap the last")
  }

  @Test(
    "what is no question is an error that quotes it",
    arguments: [
      "", "encode", "encode 0 1", "encode 1000000 1", "encode x 1", "encode 1 -1", "image 1", "search 65 1", "?",
    ])
  func nonsense(_ line: String) async throws {
    let error = try #require(try await answer(line, try await rounds())["error"] as? String)
    #expect(error.contains("'\(line)'"))
  }
}
