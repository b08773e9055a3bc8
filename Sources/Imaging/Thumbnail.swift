import CTurboJPEG
import FoundationEssentials

/// The small JPEG that is kept beside an embedding.
enum Thumbnail {
  private static let quality: Int32 = 80

  /// - Parameter side: pixels of the longer side, at most; a smaller picture keeps its size.
  static func jpeg(of image: RGBImage, side: Int) throws(ImageError) -> Data {
    let small = Shrink.toFit(image, side: max(1, side))
    let failure = ImageError.unavailable(reason: "no thumbnail could be made")
    guard let encoder = tjInitCompress() else { throw failure }
    defer { tjDestroy(encoder) }
    var bytes: UnsafeMutablePointer<UInt8>?
    defer { tjFree(bytes) }
    var count: UInt = 0
    let failed = small.pixels.withUnsafeBufferPointer { pixels in
      tjCompress2(
        encoder, pixels.baseAddress, Int32(small.width), 0, Int32(small.height), Int32(TJPF_RGB.rawValue), &bytes,
        &count,
        Int32(TJSAMP_420.rawValue), quality, TJFLAG_ACCURATEDCT)
    }
    guard failed == 0, let bytes else { throw failure }
    return Data(bytes: bytes, count: Int(count))
  }
}
