import EsViT
import OpenCL
import Operators

/// How fast one device encodes.
struct EncodingBenchmark {
  let model: Model
  let sampling: Sampling
  var batch = 8

  func run(on device: PreparedDevice) async throws -> BenchmarkReport.Encoding {
    let images = (0..<batch).map(image)
    return try await DeviceActor.run {
      let encoder = try EsViT.Encoder(
        model: model, context: device.context, maximumBatch: batch, variants: device.variants)
      @DeviceActor func time(_ images: [RGB8Image]) throws -> Distribution {
        let times = try sampling.times {
          for embedding in try encoder.encode(images) { _ = try embedding.get() }
        }
        guard let distribution = Distribution(milliseconds: times) else { throw BenchmarkError.noSample }
        return distribution
      }
      let latency = try time([images[0]])
      let throughput = try time(images)
      return BenchmarkReport.Encoding(
        latency: latency, batch: batch, imagesPerSecond: 1e3 * Double(batch) / throughput.p50)
    }
  }

  /// Coloured noise on a gradient, of the size that needs no resizing; no two images are alike.
  private func image(_ seed: Int) -> RGB8Image {
    let side = model.preprocessing.resize
    var noise = Noise(seed: UInt64(seed))
    let pixels = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: UInt64($0 / (6 * side)) + noise.next() >> 58) }
    return RGB8Image(width: side, height: side, pixels: pixels)
  }
}
