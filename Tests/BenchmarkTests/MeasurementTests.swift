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

  @Test("encoding gives times for one image and for each batch", arguments: [Precision.f32, .bf16])
  func encoding(_ precision: Precision) async throws {
    let result = try await EncodingBenchmark(
      model: Self.model, precision: precision, sampling: sampling, batches: [2, 5]
    ).run(on: try await device())
    #expect(result.latency.samples == 3)
    #expect(result.latency.minimum > 0)
    #expect(result.batches.map(\.images) == [2, 5])
    #expect(result.batches.allSatisfy { $0.imagesPerSecond > 0 })
  }

  @Test("the operators of an image are those that the network has")
  func operators() async throws {
    let split = try await OperatorBenchmark(model: Self.model, sampling: sampling).run(on: try await device())
    let names = Set(split.operators.map(\.name))
    #expect(names.isSuperset(of: ["preprocess", "gemm", "pool", "copy from the device"]))
    // Two blocks, each with an attention of its own or as one kernel.
    let blocks = split.operators.filter { ["window attention", "swin block"].contains($0.name) }
    #expect(blocks.reduce(0) { $0 + $1.launches } == 2)
    #expect(split.operators.allSatisfy { $0.milliseconds > 0 })
    #expect(split.operators.reduce(0) { $0 + $1.milliseconds } < 1.5 * split.milliseconds)
  }

  @Test("pictures are decoded and resized at every size")
  func pictures() async throws {
    let pictures = try await ImageBenchmark(model: Self.model, sampling: sampling, sides: [40, 90])
      .run(on: try await device())
    #expect(pictures.map(\.side) == [40, 90])
    #expect(pictures.allSatisfy { $0.bytes > 100 && $0.decoding.minimum > 0 && $0.resizing.minimum > 0 })
  }

  @Test("searching one query and several", arguments: [VectorFormat.f16, .f32])
  func searching(_ format: VectorFormat) async throws {
    let result = try await SearchBenchmark(
      dimension: 64, sampling: sampling, vectors: 5000, format: format, batches: [1, 3]
    ).run(on: try await device())
    #expect(result.vectors == 5000 && result.dimension == 64)
    #expect(result.bytes == 5000 * 64 * (format == .f16 ? 2 : 4))
    #expect(result.runs.map(\.queries) == [1, 3])
    #expect(result.runs.allSatisfy { $0.latency.minimum > 0 && $0.gigabytes > 0 })
    #expect(result.skipped == nil)
  }

  @Test("what would not fit in memory is skipped with its reason, and nothing is allocated")
  func tooLarge() async throws {
    let result = try await SearchBenchmark(
      dimension: 768, sampling: sampling, vectors: 10_000_000_000, format: .f16
    ).run(on: try await device())
    #expect(result.runs.isEmpty)
    #expect(result.skipped?.contains("MiB are free") == true)
  }

  @Test("the parts asked for are measured, the others left out")
  func parts() async throws {
    var benchmark = Benchmark(model: Self.model, location: "")
    benchmark.sampling = sampling
    benchmark.parts = [.search]
    benchmark.counts = [100]
    benchmark.ceilingBytes = 1 << 20
    let prepared = try await device()
    var report = BenchmarkReport.MeasuredDevice(prepared.context.device)
    try await benchmark.measure(prepared, into: &report)
    #expect(report.encoding == nil && report.operators == nil && report.pictures.isEmpty)
    #expect(report.searches.map(\.vectors) == [100])
    let ceilings = try #require(report.ceilings)
    #expect(ceilings.gigaflops > 0 && ceilings.copy > 0 && ceilings.read > 0)
  }
}
