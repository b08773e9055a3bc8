/// An upright sRGB picture: row-major, interleaved, 8 bits a channel, no padding.
package struct RGBImage: Sendable, Equatable {
  /// Pixels a row.
  package let width: Int
  /// Rows.
  package let height: Int
  /// `height × width × 3` bytes: red, green, blue.
  package let pixels: [UInt8]

  /// - Returns: `nil` unless both sides are positive and `pixels.count` is `width · height · 3`.
  package init?(width: Int, height: Int, pixels: [UInt8]) {
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard width > 0, height > 0, !overflow, area <= Int.max / 3, pixels.count == area * 3 else { return nil }
    self.init(checkedWidth: width, height: height, pixels: pixels)
  }

  /// For pixels whose count is known to fit.
  init(checkedWidth width: Int, height: Int, pixels: [UInt8]) {
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
