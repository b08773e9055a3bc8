import CVips
import FoundationEssentials

/// The small JPEG that is kept beside an embedding.
enum Thumbnail {
  private static let quality: Int32 = 80

  /// - Parameter side: pixels of the longer side, at most; a smaller picture keeps its size.
  static func jpeg(of image: RGBImage, side: Int) throws(ImageError) -> Data {
    let small = Shrink.toFit(image, side: max(1, side))
    let jpeg: Data? = small.pixels.withUnsafeBytes { pixels in
      guard let picture = cvips_rgb_in_memory(pixels.baseAddress, Int32(small.width), Int32(small.height)) else {
        return nil
      }
      defer { cvips_release(picture) }
      var count = 0
      guard let bytes = cvips_save_jpeg(picture, quality, &count) else { return nil }
      defer { cvips_free(bytes) }
      return Data(bytes: bytes, count: count)
    }
    guard let jpeg else { throw .unavailable(reason: "no thumbnail could be made") }
    return jpeg
  }
}
