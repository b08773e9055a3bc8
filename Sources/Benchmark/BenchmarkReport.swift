import Foundation
import OpenCL

/// What `esvitd bench` measured: values, made into a table by `BenchmarkTable` and into JSON by `json`.
package struct BenchmarkReport: Sendable, Equatable, Codable {
  package struct Host: Sendable, Equatable, Codable {
    package var processor: String
    /// That this process may use.
    package var cores: Int
  }

  package struct MeasuredModel: Sendable, Equatable, Codable {
    package var name: String
    package var fingerprint: String
    /// Numbers an embedding.
    package var dimension: Int
    package var parameters: Int
  }

  /// Encoding, from RGB pixels of the model's own size in memory to the embedding in memory.
  package struct Encoding: Sendable, Equatable, Codable {
    /// One image a call.
    package var latency: Distribution
    package var batch: Int
    /// With `batch` images a call, by the median call.
    package var imagesPerSecond: Double
  }

  /// Exact k-NN by `Archive.search`, from a query's embedding to ids and scores.
  package struct Search: Sendable, Equatable, Codable {
    package var vectors: Int
    /// How the vectors lie on the device.
    package var format: String
    package var k: Int
    /// One query a call.
    package var latency: Distribution
    package var batch: Int
    /// With `batch` queries a call, by the median call.
    package var queriesPerSecond: Double
  }

  package struct MeasuredDevice: Sendable, Equatable, Codable {
    package var index: Int
    package var name: String
    package var platform: String
    package var kind: Device.Kind
    package var driver: String
    /// The kernel variant of each operation.
    package var variants: [String: String]
    package var encoding: Encoding?
    package var search: Search?
    /// Why something is missing.
    package var failure: String?
  }

  /// How many times as fast the GPU is as the CPU.
  package struct Ratio: Sendable, Equatable, Codable {
    package var gpu: Int
    package var cpu: Int
    package var latency: Double
    package var imagesPerSecond: Double
    package var search: Double?
  }

  package var date: Date
  package var host: Host
  package var model: MeasuredModel
  package var devices: [MeasuredDevice]

  /// The first GPU beside the first CPU; nil where one of them was not measured.
  package var ratio: Ratio? {
    let measured = devices.filter { $0.encoding != nil }
    guard let gpu = measured.first(where: { $0.kind == .gpu }), let cpu = measured.first(where: { $0.kind == .cpu }),
      let fast = gpu.encoding, let slow = cpu.encoding
    else { return nil }
    var search: Double?
    if let gpu = gpu.search, let cpu = cpu.search { search = cpu.latency.p50 / gpu.latency.p50 }
    return Ratio(
      gpu: gpu.index, cpu: cpu.index, latency: slow.latency.p50 / fast.latency.p50,
      imagesPerSecond: fast.imagesPerSecond / slow.imagesPerSecond, search: search)
  }

  /// Pretty-printed JSON with sorted keys in snake case, milliseconds, and the ratio where there is one.
  package func json() throws -> Data {
    struct Whole: Encodable {
      var report: BenchmarkReport
      enum Keys: CodingKey { case ratio }
      func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encodeIfPresent(report.ratio, forKey: .ratio)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(Whole(report: self)) + Data("\n".utf8)
  }
}
