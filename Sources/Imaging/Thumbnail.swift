import CVips
import FoundationEssentials

/// The small JPEG that is kept beside an embedding.
enum Thumbnail {
  private static let quality: Int32 = 80

  /// - Parameter side: pixels of the longer side, at most; a smaller picture keeps its size.
  static func jpeg(of image: RGBImage, side: Int) throws(ImageError) -> Data {
    let side = Int32(clamping: max(1, side))
    let jpeg: Data? = image.pixels.withUnsafeBytes { pixels in
      guard
        let whole = cvips_rgb_in_memory(pixels.baseAddress, Int32(image.width), Int32(image.height))
      else { return nil }
      defer { cvips_release(whole) }
      guard let small = cvips_thumbnail(whole, side) else { return nil }
      defer { cvips_release(small) }
      var count = 0
      guard let bytes = cvips_save_jpeg(small, quality, &count) else { return nil }
      defer { cvips_free(bytes) }
      return Data(bytes: bytes, count: count)
    }
    guard let jpeg else { throw .unavailable(reason: "no thumbnail could be made") }
    return jpeg
  }
}
