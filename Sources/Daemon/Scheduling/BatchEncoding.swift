// What the scheduler needs of an encoder.

/// Turns a batch of images into embeddings. One call at a time.
package protocol BatchEncoding: Sendable {
  associatedtype Image: Sendable
  associatedtype Output: Sendable

  /// Images in a call at most.
  var maximumBatch: Int { get }

  /// One result an image, in order. Throws where the whole batch failed: the device did.
  func encodeBatch(_ images: [Image]) async throws -> [Result<Output, any Error>]
}
