import FoundationEssentials

/// What one image file yields.
package struct DecodedImage: Sendable {
  /// The picture, or the region asked for.
  package let image: RGBImage
  /// A JPEG of `image` whose longer side is at most the one asked for.
  package let thumbnail: Data?
  /// SHA-256 of the whole file (32 bytes), whatever the region.
  package let sha256: Data
  /// The container the bytes turned out to be.
  package let format: ImageFormat
}
