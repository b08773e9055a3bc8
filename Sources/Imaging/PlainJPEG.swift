import CTurboJPEG

/// A small JPEG with nothing to heed but its pixels: upright, without a profile, grey or YCbCr. Tiles mostly are.
///
/// libjpeg-turbo decodes it directly, in less time than libvips takes to set up its pipeline, to the same pixels bit for
/// bit, since libvips decodes by the same library. Whatever is special or wrong is left to libvips, which has the reason.
struct PlainJPEG: ~Copyable {
  let width: Int
  let height: Int
  private let bytes: UnsafeRawBufferPointer
  private let decoder: tjhandle

  /// Above this libvips' set-up does not count, and its decoding in strips can be cancelled.
  private static let maximumPixels = 1 << 20

  /// Reads the header only.
  /// - Parameters:
  ///   - bytes: the whole file, which outlives the value.
  ///   - pixels: how many the picture may have.
  /// - Returns: nil for anything that is not plain.
  init?(_ bytes: UnsafeRawBufferPointer, pixels limit: Int) {
    guard Self.isPlain(bytes), let decoder = tjInitDecompress() else { return nil }
    var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let failed = tjDecompressHeader3(
      decoder, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), &width, &height, &subsampling, &colours)
    guard
      failed == 0, [TJCS_GRAY, TJCS_YCbCr].contains(where: { $0.rawValue == UInt32(bitPattern: colours) }),
      width > 0, height > 0, Int(width) * Int(height) <= min(limit, Self.maximumPixels)
    else {
      tjDestroy(decoder)
      return nil
    }
    (self.width, self.height) = (Int(width), Int(height))
    (self.bytes, self.decoder) = (bytes, decoder)
  }

  deinit { tjDestroy(decoder) }

  /// Bytes that decoding takes at most: the result, and the coefficients of a progressive file.
  var memory: Int { width * height * 9 }

  /// The picture, or nil where anything at all is wrong with the file.
  func image() -> RGBImage? {
    // A warning is damage, after which libjpeg invents pixels.
    let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
    let size = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: size) { target, count in
      let failed = tjDecompress2(
        decoder, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), target.baseAddress, Int32(width), 0,
        Int32(height), Int32(TJPF_RGB.rawValue), flags)
      count = failed == 0 ? size : 0
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// Whether the file is of 8 bits, baseline or progressive, and has no EXIF, ICC or Adobe segment before its first scan:
  /// these may turn the picture or change its colours.
  private static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 2
    while bytes.count - place >= 4, bytes[place] == 0xFF {
      switch bytes[place + 1] {
      case 0xDA: return true  // the first scan
      case 0xC0, 0xC1, 0xC2: break  // frames that every decoder reads
      case 0xC4, 0xDB, 0xDD, 0xFE: break  // tables, a comment
      case 0xE0, 0xE3...0xED, 0xEF: break  // JFIF and makers' own; not EXIF (E1), ICC (E2), Adobe (EE)
      default: return false
      }
      place += 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
    }
    return false
  }
}
