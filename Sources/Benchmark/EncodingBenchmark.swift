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

/// What keeps a benchmark from a figure.
package enum BenchmarkError: Error, Sendable, CustomStringConvertible {
  case noSample
  case notStored(String)

  package var description: String {
    switch self {
    case .noSample: "Nothing was measured: the sampling allows no sample"
    case .notStored(let why): "A vector of the benchmark was not stored: \(why)"
    }
  }
}

/// SplitMix64: the same values everywhere.
struct Noise: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// `count` numbers, uniform in -1…1.
  mutating func vector(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { values, initialized in
      for index in 0..<count { values.initializeElement(at: index, to: Float(next() >> 40) * 0x1p-23 - 1) }
      initialized = count
    }
  }
}
