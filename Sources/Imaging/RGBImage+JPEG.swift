import FoundationEssentials

extension RGBImage {
  /// The picture as a JPEG file of the thumbnails' quality.
  package func jpeg() throws(ImageError) -> Data { try Thumbnail.jpeg(of: self, side: max(width, height)) }
}
