import EsViT
import OpenCL
import Operators

/// How fast one device encodes.
struct EncodingBenchmark {
  let model: Model
  var precision = Precision.f32
  let sampling: Sampling
  /// Images a call.
  var batches = [8, 32, 64]

  func run(on device: PreparedDevice) async throws -> BenchmarkReport.Encoding {
    let largest = max(1, batches.max() ?? 1)
    let images = (0..<largest).map { TissuePattern.image($0, side: model.preprocessing.resize) }
    return try await DeviceActor.run {
      let encoder = try EsViT.Encoder(
        model: model, context: device.context, maximumBatch: largest, precision: precision,
        variants: device.variants)
      @DeviceActor func time(_ count: Int, _ sampling: Sampling) throws -> Distribution {
        try sampling.distribution {
          for embedding in try encoder.encode(Array(images[..<count])) { _ = try embedding.get() }
        }
      }
      let latency = try time(1, sampling)
      return BenchmarkReport.Encoding(
        latency: latency,
        batches: try batches.map { count in .init(images: count, latency: try time(count, sampling.brief)) })
    }
  }
}
