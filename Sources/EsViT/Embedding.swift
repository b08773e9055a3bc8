/// An image's embedding, both forms computed on the device.
package struct Embedding: Sendable, Equatable {
  /// `[dimension]`, the mean of the last stage's normalised tokens (EsViT's view-level feature).
  package let raw: [Float]
  /// The same divided by its Euclidean length: similarity is the dot product.
  package let normalized: [Float]
}

/// Why one image of a batch has no embedding; the others are not touched by it.
package enum EncodingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The image has no pixels, or not as many as its size says.
  case invalidImage(width: Int, height: Int, bytes: Int)
  /// The embedding has a NaN or an infinity in it, or no direction: weights or image drive the network out of range.
  case notFinite

  package var description: String {
    switch self {
    case .invalidImage(let width, let height, let bytes):
      "\(bytes) bytes are no RGB image of \(width) × \(height) pixels"
    case .notFinite: "the embedding is not finite: the model's weights or its precision do not suit this image"
    }
  }
}

/// Why a batch could not be encoded at all.
package enum EncoderError: Error, Sendable, CustomStringConvertible {
  /// A tensor that the architecture needs is not there or has another shape.
  case tensor(name: String, reason: String)
  case batchTooLarge(count: Int, maximum: Int)
  case preprocessing(String)

  package var description: String {
    switch self {
    case .tensor(let name, let reason): "The model's tensor \(name) \(reason); convert the checkpoint again"
    case .batchTooLarge(let count, let maximum): "A batch of \(count) images, where the encoder was made for \(maximum)"
    case .preprocessing(let reason): "The model's preprocessing does not suit its architecture: \(reason)"
    }
  }
}
