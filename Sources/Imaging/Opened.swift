import CVips

/// A file whose header has been read and found to be of a kind that is decoded.
struct Opened {
  let format: ImageFormat
  /// One level, as it lies in the file.
  let picture: Picture
  /// Sides of level 0, as it lies in the file.
  let fullWidth: Int
  let fullHeight: Int
  /// Only tiles can be read on their own.
  let tile: TIFFDirectory.Tile?

  /// - Returns: nil where libvips has the reason.
  init?(_ bytes: UnsafeRawBufferPointer, format: ImageFormat, level: Int) throws(ImageError) {
    self.format = format
    guard format == .tiff else {
      guard level == 0 else { throw .noSuchLevel(level, levels: 1) }
      let loaded =
        switch format {
        case .jpeg: cvips_load_jpeg(bytes.baseAddress, bytes.count)
        case .png: cvips_load_png(bytes.baseAddress, bytes.count)
        case .webp: cvips_load_webp(bytes.baseAddress, bytes.count)
        case .tiff: OpaquePointer?.none
        }
      guard let picture = Picture(loaded) else { return nil }
      self.picture = picture
      (fullWidth, fullHeight, tile) = (picture.width, picture.height, nil)
      return
    }
    let levels = try TIFFFile(bytes).levels
    guard levels.indices.contains(level) else { throw .noSuchLevel(level, levels: levels.count) }
    let chosen = levels[level]
    if let objection = chosen.directory.objection { throw .unsupportedContent(.tiff, objection) }
    guard
      let picture = Picture(
        cvips_load_tiff(
          bytes.baseAddress, bytes.count, Int32(chosen.page), Int32(chosen.subdirectory ?? -1),
          chosen.directory.isTiled ? 1 : 0))
    else { return nil }
    guard picture.width == chosen.directory.width, picture.height == chosen.directory.height else {
      throw .damaged(.tiff, reason: "its directories contradict each other")
    }
    self.picture = picture
    (fullWidth, fullHeight) = (levels[0].directory.width, levels[0].directory.height)
    tile = chosen.directory.tile
  }

  /// Bytes that the decoder itself may hold while it decodes `area`: an upper estimate.
  func decoderMemory(for area: Rectangle) -> Int {
    if let tile {
      let columns = min(area.width / tile.width + 2, picture.width / tile.width + 1)
      return 2 * columns * tile.width * tile.height * picture.bands * 2
    }
    // These are unpacked as a whole; the others go by in strips.
    let isWhole = picture.isInterlaced || format == .webp || format == .tiff
    return isWhole ? picture.width * picture.height * picture.bands * 2 : 0
  }
}
