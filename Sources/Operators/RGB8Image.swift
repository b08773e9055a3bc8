/// Upright sRGB pixels, 8 bits a channel: what `Preprocess` takes.
package struct RGB8Image: Sendable, Equatable {
  package let width: Int
  package let height: Int
  /// `[height, width, 3]`, row-major and interleaved.
  package let pixels: [UInt8]

  package init(width: Int, height: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}

extension RGB8Image {
  /// Whether there are pixels, and as many as the size says.
  package var isValid: Bool {
    guard width > 0, height > 0, width <= Int32.max / 3, height <= Int32.max / 3 else { return false }
    return pixels.count == 3 * width * height
  }
}
