import EsViT
import Operators
import Wire

/// The model's encoders, one a precision in use, as the scheduler sees them; their work runs on the device's thread.
struct DeviceEncoder: BatchEncoding {
  /// A picture, and the precision of the collection that it is for.
  struct Image: Sendable {
    let pixels: RGB8Image
    let precision: Precision
  }

  let maximumBatch: Int
  private let encoders: [Precision: Encoder]
  private let health: DeviceHealth

  /// - Parameter maximumBatch: images that each of the encoders takes.
  init(_ encoders: [Precision: Encoder], maximumBatch: Int, health: DeviceHealth) {
    (self.encoders, self.maximumBatch, self.health) = (encoders, maximumBatch, health)
  }

  func encodeBatch(_ images: [Image]) async throws -> [Result<Embedding, any Error>] {
    var results: [Result<Embedding, any Error>] = images.map { _ in .failure(MissingResult()) }
    do {
      for (precision, encoder) in encoders {
        let places = images.indices.filter { images[$0].precision == precision }
        guard !places.isEmpty else { continue }
        let embeddings = try await encoder.encode(places.map { images[$0].pixels })
        for (place, embedding) in zip(places, embeddings) { results[place] = embedding.mapError { $0 } }
      }
      health.succeeded()
      return results
    } catch {
      // One failure of the device, however many requests share the batch.
      throw ErrorObject(error, health: health)
    }
  }
}
