/// What one directory of a TIFF says of its picture (TIFF 6.0, section 2 and 8).
struct TIFFDirectory: Equatable {
  let width: Int
  let height: Int
  /// Nil for a picture in strips.
  let tile: Tile?
  /// Offsets of the directories below this one.
  let subdirectories: [UInt64]
  /// Why this picture is not read, if so.
  let objection: String?
  /// Bytes of one pixel, once unpacked.
  let pixelBytes: Int

  struct Tile: Equatable {
    let width: Int
    let height: Int
  }

  var isTiled: Bool { tile != nil }

  private enum Tag: UInt16, CaseIterable {
    case width = 256
    case height = 257
    case bitsPerSample = 258
    case compression = 259
    case photometric = 262
    case samplesPerPixel = 277
    case planarConfiguration = 284
    case tileWidth = 322
    case tileHeight = 323
    case subdirectories = 330
    case sampleFormat = 339
  }

  /// Reads the directory at an offset.
  /// - Returns: it, and the offset of the next (0: none).
  static func read(
    at offset: UInt64, from reader: TIFFReader
  ) throws(ImageError) -> (directory: TIFFDirectory, next: UInt64) {
    let (entries, next) = try reader.entries(at: offset)
    var fields: [Tag: [UInt64]] = [:]
    for entry in entries {
      guard let tag = Tag(rawValue: entry.tag) else { continue }
      // libtiff would take one of the two, and not say which.
      guard fields[tag] == nil else { throw .damaged(.tiff, reason: "it has tag \(entry.tag) twice") }
      fields[tag] = try reader.values(of: entry)
    }
    return (try TIFFDirectory(fields), next)
  }

  private init(_ fields: [Tag: [UInt64]]) throws(ImageError) {
    func one(_ tag: Tag) -> Int? { fields[tag]?.first.flatMap(Int.init(exactly:)) }
    guard
      let width = one(.width), let height = one(.height),
      (1...10_000_000).contains(width), (1...10_000_000).contains(height)
    else { throw .damaged(.tiff, reason: "it states no proper width and height") }
    self.width = width
    self.height = height
    if fields[.tileWidth] != nil || fields[.tileHeight] != nil {
      guard
        let tileWidth = one(.tileWidth), let tileHeight = one(.tileHeight),
        (1...10_000).contains(tileWidth), (1...10_000).contains(tileHeight)
      else { throw .damaged(.tiff, reason: "it states no proper tile size") }
      tile = Tile(width: tileWidth, height: tileHeight)
    } else {
      tile = nil
    }
    subdirectories = Array((fields[.subdirectories] ?? []).prefix(64))
    let layout = Layout(
      compression: one(.compression) ?? 1, photometric: one(.photometric) ?? -1, samples: one(.samplesPerPixel) ?? 1,
      bits: Set(fields[.bitsPerSample] ?? [1]), formats: Set(fields[.sampleFormat] ?? [1]),
      isPlanar: one(.planarConfiguration) == 2, isTiled: tile != nil)
    objection = layout.objection
    pixelBytes = layout.samples * 2
  }

  /// How the samples are stored.
  private struct Layout {
    let compression: Int
    let photometric: Int
    let samples: Int
    let bits: Set<UInt64>
    let formats: Set<UInt64>
    let isPlanar: Bool
    let isTiled: Bool

    /// The compressions that are read; others are old, rare, or pull in a decoder that is not on the list (JPEG 2000).
    private static let compressions: Set<Int> = [1, 5, 7, 8, 32773, 32946, 50000, 50001]

    var objection: String? {
      guard Self.compressions.contains(compression) else {
        return compression == 33003 || compression == 33005 ? "JPEG 2000 tiles" : "compression \(compression)"
      }
      guard formats == [1] else { return "samples that are no unsigned integers" }
      guard bits.count == 1, let bits = bits.first else { return "samples of several depths" }
      guard bits == 8 || bits == 16 || (samples == 1 && [1, 2, 4].contains(bits)) else {
        return "samples of \(bits) bits"
      }
      let isJPEG = compression == 7
      guard !isJPEG || (bits == 8 && !isPlanar) else { return "JPEG compression of this layout" }
      guard !isPlanar || !isTiled else { return "tiles of separate planes" }
      let isFine =
        switch photometric {
        case 0, 1: isJPEG ? samples == 1 : samples == 1 || samples == 2
        case 2: isJPEG ? samples == 3 : bits >= 8 && (samples == 3 || samples == 4)
        case 3: !isJPEG && samples == 1 && bits <= 8
        case 5: isJPEG ? samples == 4 : samples == 4 || samples == 5
        case 6: isJPEG && samples == 3
        default: false
        }
      return isFine ? nil : "\(samples) channels of photometric kind \(photometric)"
    }
  }
}
