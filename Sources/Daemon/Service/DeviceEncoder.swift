import EsViT
import Operators
import Wire

/// The model's encoder as the scheduler sees it; its work runs on the device's thread.
struct DeviceEncoder: BatchEncoding {
  private let encoder: Encoder
  private let health: DeviceHealth

  init(_ encoder: Encoder, health: DeviceHealth) {
    (self.encoder, self.health) = (encoder, health)
  }

  var maximumBatch: Int { encoder.maximumBatch }

  func encodeBatch(_ images: [RGB8Image]) async throws -> [Result<Embedding, any Error>] {
    do {
      let results = try await encoder.encode(images)
      health.succeeded()
      return results.map { result in result.mapError { $0 } }
    } catch {
      // One failure of the device, however many requests share the batch.
      throw ErrorObject(error, health: health)
    }
  }
}
