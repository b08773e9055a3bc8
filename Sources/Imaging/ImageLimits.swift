/// What an image may cost before it is refused; checked from the header, before any pixel is decoded.
package struct ImageLimits: Sendable, Equatable {
  /// Bytes of a file that came inside a request.
  package var inlineBytes: Int
  /// Bytes of a file read by path.
  package var fileBytes: Int
  /// Pixels of the picture, or of the region asked for.
  package var pixels: Int
  /// Bytes of pixels that all decodes at work may hold together; a decode that alone needs more waits until it is alone.
  package var memory: Int
  /// Decodes that may wait for a thread.
  package var waiting: Int

  package init(
    inlineBytes: Int = 45 << 20, fileBytes: Int = 64 << 20, pixels: Int = 100_000_000, memory: Int = 1 << 30,
    waiting: Int = 4096
  ) {
    self.inlineBytes = inlineBytes
    self.fileBytes = fileBytes
    self.pixels = pixels
    self.memory = memory
    self.waiting = waiting
  }

  /// - Throws: `ImageError.fileTooLarge` for a file that came inside a request.
  func checkInline(_ bytes: Int) throws(ImageError) {
    guard bytes <= inlineBytes else { throw .fileTooLarge(bytes: bytes, limit: inlineBytes) }
  }
}
