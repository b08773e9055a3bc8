import EsViT
import Foundation
import OpenCL
import Operators
import Testing

@testable import Benchmark

@Suite("A device is measured by encoding and searching for real")
struct MeasurementTests {
  /// Two stages over 8×8 tokens.
  private static let model = Model.random(
    Architecture(embedDimension: 32, depths: [1, 1], heads: [1, 2], window: 4, patchSize: 4, trainedSide: 32),
    preprocessing: Preprocessing(resize: 36, crop: 32))

  private func device() async throws -> PreparedDevice {
    try await DeviceActor.run {
      let device = try Device.select("auto")
      return PreparedDevice(
        context: try Context(device: device, cacheDirectory: nil), variants: .preferred(for: device), warnings: [])
    }
  }

  private var sampling: Sampling {
    var sampling = Sampling()
    sampling.atLeast = 3
    sampling.duration = .zero
    return sampling
  }

  @Test("encoding gives times for one image and a rate for eight")
  func encoding() async throws {
    let result = try await EncodingBenchmark(model: Self.model, sampling: sampling).run(on: try await device())
    #expect(result.latency.samples == 3)
    #expect(result.latency.minimum > 0)
    #expect(result.batch == 8)
    #expect(result.imagesPerSecond > 0)
  }

  @Test("searching goes through an archive that is gone afterwards", .serialized, arguments: [VectorFormat.f16, .f32])
  func searching(_ format: VectorFormat) async throws {
    let folder = FileManager.default.temporaryDirectory.path(percentEncoded: false)
    let result = try await SearchBenchmark(model: Self.model, sampling: sampling, vectors: 5000, format: format)
      .run(on: try await device())
    #expect(result.vectors == 5000)
    #expect(result.format == format.rawValue)
    #expect(result.latency.minimum > 0 && result.queriesPerSecond > 0)
    let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("esvitd-bench-") }
    #expect(left.isEmpty)
  }
}
