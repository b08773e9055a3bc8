import EsViT
import Foundation
import Imaging
import OpenCL
import Operators
import Retrieval

/// Stays up and measures what it is asked, a line at a time, so that it can be timed in turn with other programs
/// (`scripts/bench-peers`). Each answer is a line of JSON:
///
///     encode COUNT SECONDS     {"milliseconds": […]}: calls of COUNT images each, from pixels to embeddings
///     embed COUNT              {"embeddings": [[…], …]}, not normalised, of the same images
///     image SECONDS FILE       {"milliseconds": […]}: from the JPEG file in memory to pixels on the device
///     search COUNT SECONDS     {"milliseconds": […]}: calls of COUNT queries each
///     neighbours COUNT         {"neighbours": [[…], …]}: places of the ten nearest of the same queries, best first
///
/// and `{"error": "…"}` for what cannot be done. Image number `i` is `Noise(seed: i).bytes`, `[resize, resize, 3]`; the
/// vectors, and behind them the queries, are `Noise(seed: 1).floats`: others can make the same.
@DeviceActor
package final class BenchmarkRounds {
  private struct Answer: Encodable {
    var milliseconds: [Double]?
    var embeddings: [[Float]]?
    var neighbours: [[Int]]?
    var error: String?
  }

  private struct Question: Error, CustomStringConvertible {
    let line: String
    var description: String { "'\(line)' is none of the questions, or its numbers are out of range" }
  }

  private static let mostImages = 256
  private static let mostQueries = 64

  private let benchmark: Benchmark
  private let device: PreparedDevice
  private let decoder = ImageDecoder(threads: 1)
  // Made when they are first asked for.
  private var encoder: EsViT.Encoder?
  private var preparation: ImagePreparation?
  private var collection: (index: ResidentVectors, queries: [[Float]])?

  /// Prepares the device.
  ///
  /// - Parameter benchmark: the model, its precision, and the first of the counts of vectors.
  package nonisolated init(_ benchmark: Benchmark, on device: Device) async throws {
    self.benchmark = benchmark
    self.device = try await PreparedDevice.prepare(
      "\(device.index)", for: benchmark.model, at: benchmark.location, precisions: [benchmark.precision])
  }

  init(_ benchmark: Benchmark, on device: PreparedDevice) {
    self.benchmark = benchmark
    self.device = device
  }

  /// The answer to one line, without a line feed.
  package func answer(_ line: String) async -> String {
    let answer: Answer
    do {
      answer = try await self.answer(words: line.split(separator: " ", maxSplits: 2).map(String.init), line)
    } catch {
      answer = Answer(error: "\(error)")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(answer)).map { String(decoding: $0, as: UTF8.self) } ?? #"{"error":"not finite"}"#
  }

  private func answer(words: [String], _ line: String) async throws -> Answer {
    func number<Value: LosslessStringConvertible & Comparable>(
      _ place: Int, _ range: ClosedRange<Value>
    ) throws -> Value {
      guard words.indices.contains(place), let value = Value(words[place]), range.contains(value) else {
        throw Question(line: line)
      }
      return value
    }
    switch words.first {
    case "encode":
      let images = images(try number(1, 1...Self.mostImages))
      let sampling = Self.sampling(seconds: try number(2, 0...3600))
      let encoder = try loadedEncoder()
      return Answer(
        milliseconds: try sampling.times { for image in try encoder.encode(images) { _ = try image.get() } })
    case "embed":
      return Answer(
        embeddings: try loadedEncoder().encode(images(try number(1, 1...Self.mostImages))).map { try $0.get().raw })
    case "image" where words.count == 3:
      let sampling = Self.sampling(seconds: try number(1, 0...3600))
      return Answer(milliseconds: try await times(ofFile: words[2], sampling))
    case "search":
      let (index, queries) = try loadedCollection()
      let part = Array(queries[..<(try number(1, 1...Self.mostQueries))])
      let sampling = Self.sampling(seconds: try number(2, 0...3600))
      return Answer(milliseconds: try sampling.times { _ = try index.nearest(part, k: 10) })
    case "neighbours":
      let (index, queries) = try loadedCollection()
      let part = Array(queries[..<(try number(1, 1...Self.mostQueries))])
      return Answer(neighbours: try index.nearest(part, k: 10).map { $0.map(\.position) })
    default: throw Question(line: line)
    }
  }

  /// One warm-up, then as many runs as fit.
  private static func sampling(seconds: Double) -> Sampling {
    var sampling = Sampling()
    sampling.warmUps = 1
    sampling.atLeast = 3
    sampling.runs = .max
    sampling.duration = .seconds(seconds)
    return sampling
  }

  private func images(_ count: Int) -> [RGB8Image] {
    let side = benchmark.model.preprocessing.resize
    return (0..<count).map { seed in
      var noise = Noise(seed: UInt64(seed))
      return RGB8Image(width: side, height: side, pixels: noise.bytes(3 * side * side))
    }
  }

  private func loadedEncoder() throws -> EsViT.Encoder {
    if let encoder { return encoder }
    let made = try EsViT.Encoder(
      model: benchmark.model, context: device.context, maximumBatch: Self.mostImages, precision: benchmark.precision,
      variants: device.variants)
    encoder = made
    return made
  }

  private func loadedCollection() throws -> (index: ResidentVectors, queries: [[Float]]) {
    if let collection { return collection }
    let made = try SearchBenchmark(
      dimension: benchmark.model.architecture.dimension, sampling: benchmark.sampling,
      vectors: benchmark.counts.first ?? 0, format: benchmark.format, batches: [Self.mostQueries]
    ).fill(device)
    collection = made
    return made
  }

  private func times(ofFile path: String, _ sampling: Sampling) async throws -> [Double] {
    let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let preparation = try self.preparation ?? ImagePreparation(model: benchmark.model, device: device)
    self.preparation = preparation
    return try await sampling.times {
      let image = try await decoder.decode(.bytes(file)).image
      try preparation.run(RGB8Image(width: image.width, height: image.height, pixels: image.pixels))
    }
  }
}
