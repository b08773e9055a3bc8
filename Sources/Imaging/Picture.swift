import CVips

/// One libvips image: a lazy pipeline from a file's bytes to pixels. Lives and dies on one thread, within the life of
/// those bytes. Each step returns nil when libvips refuses it.
final class Picture {
  private let image: OpaquePointer

  /// Takes over the caller's reference.
  init?(_ image: OpaquePointer?) {
    guard let image else { return nil }
    self.image = image
  }

  deinit { cvips_release(image) }

  var width: Int { Int(cvips_width(image)) }
  var height: Int { Int(cvips_height(image)) }
  var bands: Int { Int(cvips_bands(image)) }
  /// Bits a sample: 8 or 16; 0 for anything but whole numbers.
  var depth: Int { Int(cvips_depth(image)) }
  var isCMYK: Bool { cvips_is_cmyk(image) != 0 }
  var orientation: Orientation { Orientation(tag: Int(cvips_orientation(image))) }
  /// Progressive JPEG or interlaced PNG: the decoder holds the whole picture.
  var isInterlaced: Bool { cvips_is_interlaced(image) != 0 }

  /// The embedded colour profile.
  var profile: ColourProfile? {
    var count = 0
    guard let start = cvips_profile(image, &count) else { return nil }
    return ColourProfile(UnsafeRawBufferPointer(start: start, count: count))
  }

  func cropped(to area: Rectangle) -> Picture? {
    Picture(cvips_crop(image, Int32(area.x), Int32(area.y), Int32(area.width), Int32(area.height)))
  }

  /// The same samples, 8 bits of each.
  func bytes(as kind: CVipsKind) -> Picture? { Picture(cvips_bytes_as(image, kind)) }

  /// Through the embedded colour profile; CMYK without one through libvips' own.
  func throughProfile() -> Picture? { Picture(cvips_profile_to_srgb(image)) }
  func inSRGB() -> Picture? { Picture(cvips_to_srgb(image)) }
  func flattenedOnWhite() -> Picture? { Picture(cvips_flatten_on_white(image)) }

  /// Decodes an 8-bit RGB picture, strip by strip from the top, on this thread, straight into the result.
  /// - Returns: nil when a strip cannot be had, or when `isCancelled` says so between two strips.
  func pixels(isCancelled: () -> Bool) -> [UInt8]? {
    guard bands == 3, depth == 8, let region = cvips_region(image) else { return nil }
    defer { cvips_release_region(region) }
    let (height, row) = (height, width * 3)
    let pixels = [UInt8](unsafeUninitializedCapacity: row * height) { target, count in
      guard let base = target.baseAddress else { return }
      while count < row * height, !isCancelled() {
        // Eight rows: the strips of libvips' own JPEG reader.
        let y = count / row
        let rows = min(8, height - y)
        var stride = 0
        guard let strip = cvips_rows(region, Int32(y), Int32(rows), &stride) else { return }
        for line in 0..<rows { (base + count + line * row).update(from: strip + line * stride, count: row) }
        count += rows * row
      }
    }
    return pixels.count == row * height ? pixels : nil
  }
}
