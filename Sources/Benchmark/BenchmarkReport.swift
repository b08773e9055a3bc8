import Foundation
import OpenCL

/// What `esvitd bench` measured: values, made into a table by `BenchmarkTable`, into a drawing by `BenchmarkPlot` and into
/// JSON by `json`. Times are milliseconds.
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
    /// Billions of additions and multiplications in the products of one image.
    package var gigaflop: Double
    /// Of the linear layers: f32, bf16 or int8.
    package var precision: String
  }

  /// What a device reaches at most, by kernels that do nothing else; billions a second.
  package struct Ceilings: Sendable, Equatable, Codable {
    /// Additions and multiplications in f32, fused.
    package var gigaflops: Double
    /// Additions and multiplications by the instructions of the linear layers, where they are others.
    package var linear: Double?
    /// Bytes read and written by a copy from memory to memory.
    package var copy: Double
    /// Bytes read from memory.
    package var read: Double
  }

  /// Encoding, from RGB pixels of the model's own size in memory to the embedding in memory.
  package struct Encoding: Sendable, Equatable, Codable {
    package struct Batch: Sendable, Equatable, Codable {
      /// Images a call.
      package var images: Int
      /// Of the call.
      package var latency: Distribution
      /// By the median call.
      package var imagesPerSecond: Double

      init(images: Int, latency: Distribution) {
        self.images = images
        self.latency = latency
        imagesPerSecond = 1e3 * Double(images) / latency.p50
      }
    }

    /// One image a call.
    package var latency: Distribution
    package var batches: [Batch]
    /// The most that any batch reaches.
    package var imagesPerSecond: Double { batches.map(\.imagesPerSecond).reduce(1e3 / latency.p50, max) }
  }

  /// One operator's share of an image.
  package struct OperatorTime: Sendable, Equatable, Codable {
    package var name: String
    /// Kernels, or copies, that it is made of.
    package var launches: Int
    package var milliseconds: Double
    /// Billions of additions and multiplications a second; nil where it multiplies no matrices.
    package var gigaflops: Double?
    /// Billions of bytes a second, each operand and result counted once; nil where that is not known.
    package var gigabytes: Double?
  }

  /// The time of one image, by the device's clock.
  package struct OperatorSplit: Sendable, Equatable, Codable {
    /// From the call to the embedding, while the device notes its times.
    package var milliseconds: Double
    /// The longest first.
    package var operators: [OperatorTime]
    /// What no command accounts for: the host's own work, and pauses between commands.
    package var remainder: Double

    init(milliseconds: Double, operators: [OperatorTime]) {
      self.milliseconds = milliseconds
      self.operators = operators
      remainder = max(0, milliseconds - operators.reduce(0) { $0 + $1.milliseconds })
    }
  }

  /// One square picture on its way to the device.
  package struct Picture: Sendable, Equatable, Codable {
    /// Pixels a side.
    package var side: Int
    /// Of the JPEG file.
    package var bytes: Int
    /// From the file in memory to RGB pixels, on one thread.
    package var decoding: Distribution
    /// From RGB pixels to the encoder's patches on the device, the copy to the device included.
    package var resizing: Distribution
  }

  /// Exact k-NN, from queries' embeddings to rows and scores.
  package struct Search: Sendable, Equatable, Codable {
    package struct Run: Sendable, Equatable, Codable {
      /// Queries a call.
      package var queries: Int
      package var latency: Distribution
      /// By the median call.
      package var queriesPerSecond: Double
      /// Billions of bytes of vectors that the median call passes over in a second.
      package var gigabytes: Double

      /// - Parameter bytes: of the vectors.
      init(queries: Int, latency: Distribution, bytes: Int) {
        self.queries = queries
        self.latency = latency
        queriesPerSecond = 1e3 * Double(queries) / latency.p50
        gigabytes = Double(bytes) / (latency.p50 * 1e6)
      }
    }

    package var vectors: Int
    package var dimension: Int
    /// How the vectors lie on the device.
    package var format: String
    package var k: Int
    /// Bytes that the vectors take: what a pass reads at least.
    package var bytes: Int
    package var runs: [Run] = []
    /// Why there are no runs.
    package var skipped: String?
  }

  package struct MeasuredDevice: Sendable, Equatable, Codable {
    package var index: Int
    package var name: String
    package var platform: String
    package var kind: Device.Kind
    package var driver: String
    /// The kernel variant of each operation.
    package var variants: [String: String] = [:]
    package var ceilings: Ceilings?
    package var encoding: Encoding?
    package var operators: OperatorSplit?
    package var pictures: [Picture] = []
    package var searches: [Search] = []
    /// Why something is missing.
    package var failure: String?
  }

  package var date: Date
  package var host: Host
  package var model: MeasuredModel
  package var devices: [MeasuredDevice]
}

extension BenchmarkReport.MeasuredDevice {
  init(_ device: Device) {
    self.init(
      index: device.index, name: device.name, platform: device.platformName, kind: device.kind,
      driver: device.driverVersion)
  }
}
