import CVips

/// One libvips image: a lazy pipeline from a file's bytes to pixels. Lives and dies on one thread, within the life of
/// those bytes. Each step returns nil when libvips refuses it.
final class Picture {
  private let image: UnsafeMutablePointer<VipsImage>

  /// Takes over the caller's reference.
  init?(_ image: UnsafeMutablePointer<VipsImage>?) {
    guard let image else { return nil }
    self.image = image
  }

  deinit { g_object_unref(image) }

  var width: Int { Int(vips_image_get_width(image)) }
  var height: Int { Int(vips_image_get_height(image)) }
  var bands: Int { Int(vips_image_get_bands(image)) }
  var format: VipsBandFormat { vips_image_get_format(image) }
  var interpretation: VipsInterpretation { vips_image_guess_interpretation(image) }
  var orientation: Orientation { Orientation(tag: Int(vips_image_get_orientation(image))) }
  /// Progressive JPEG or interlaced PNG: the decoder holds the whole picture.
  var isInterlaced: Bool { vips_image_get_typeof(image, "interlaced") != 0 }

  /// The bytes of the embedded ICC profile, as long as this picture lives.
  func withProfile<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value? {
    guard vips_image_get_typeof(image, VIPS_META_ICC_NAME) != 0 else { return nil }
    var start: UnsafeRawPointer?
    var count = 0
    guard vips_image_get_blob(image, VIPS_META_ICC_NAME, &start, &count) == 0 else { return nil }
    return body(UnsafeRawBufferPointer(start: start, count: count))
  }

  func cropped(to area: Rectangle) -> Picture? {
    Picture(cvips_crop(image, Int32(area.x), Int32(area.y), Int32(area.width), Int32(area.height)))
  }

  /// The same samples, 8 bits of each, taken for grey, RGB or CMYK.
  func bytes(as interpretation: VipsInterpretation) -> Picture? { Picture(cvips_bytes_as(image, interpretation)) }

  /// Through the embedded colour profile; CMYK without one through libvips' own.
  func throughProfile() -> Picture? { Picture(cvips_profile_to_srgb(image)) }
  func inSRGB() -> Picture? { Picture(cvips_to_srgb(image)) }
  func flattenedOnWhite() -> Picture? { Picture(cvips_flatten_on_white(image)) }

  /// Decodes an 8-bit RGB picture, strip by strip from the top, on this thread, straight into the result.
  /// - Returns: nil when a strip cannot be had, or when `isCancelled` says so between two strips.
  func pixels(isCancelled: () -> Bool) -> [UInt8]? {
    guard bands == 3, format == VIPS_FORMAT_UCHAR, let region = vips_region_new(image) else { return nil }
    defer { g_object_unref(region) }
    let (width, height, row) = (width, height, width * 3)
    var isWhole = false
    let pixels = [UInt8](unsafeUninitializedCapacity: row * height) { target, count in
      guard let base = target.baseAddress else { return }
      var y = 0
      while y < height, !isCancelled() {
        // Eight rows: the strips of libvips' own JPEG reader.
        let rows = min(8, height - y)
        var area = VipsRect(left: 0, top: Int32(y), width: Int32(width), height: Int32(rows))
        guard vips_region_prepare(region, &area) == 0 else { return }
        let strip = region.pointee
        for line in 0..<rows {
          guard let source = strip.data.map({ $0 + (y + line - Int(strip.valid.top)) * Int(strip.bpl) }) else { return }
          (base + (y + line) * row).update(from: source - Int(strip.valid.left) * 3, count: row)
        }
        y += rows
      }
      isWhole = y == height
      count = isWhole ? row * height : 0
    }
    return isWhole ? pixels : nil
  }
}
