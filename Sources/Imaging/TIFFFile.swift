/// The directories of a TIFF or BigTIFF, read before libvips sees the file: which of them are levels of one pyramid, and
/// whether each is of the plain kinds that are read here. libtiff knows many more, old and rare, and libvips aborts the
/// process on some; so what is decoded is a list of what is allowed.
struct TIFFFile {
  /// One directory that holds a copy of the picture.
  struct Level: Equatable {
    let directory: TIFFDirectory
    /// Its place in the chain of directories.
    let page: Int
    /// Its place among that page's sub-directories; nil for the page itself.
    let subdirectory: Int?
  }

  /// The full resolution, then the smaller copies, largest first.
  let levels: [Level]

  /// Directories that are looked at; more is no slide.
  private static let maximumDirectories = 1000

  /// - Throws: `ImageError.damaged` when the directories leave the bytes, loop, or repeat a tag.
  init(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
    let reader = try TIFFReader(bytes)
    var chain: [TIFFDirectory] = []
    var seen: Set<UInt64> = []
    var next = reader.firstDirectory
    while next != 0 {
      guard seen.insert(next).inserted else { throw .damaged(.tiff, reason: "its directories form a loop") }
      guard chain.count < Self.maximumDirectories else {
        throw .unsupportedContent(.tiff, "over \(Self.maximumDirectories) directories")
      }
      let (directory, following) = try TIFFDirectory.read(at: next, from: reader)
      chain.append(directory)
      next = following
    }
    guard let first = chain.first else { throw .damaged(.tiff, reason: "it has no directory") }
    var levels = [Level(directory: first, page: 0, subdirectory: nil)]
    // Levels below the first directory (OME-TIFF, libvips) or behind it (Aperio, generic tiled TIFF), where thumbnail,
    // label and overview stand among them: these are not tiled or of another shape.
    if first.subdirectories.isEmpty {
      for (page, directory) in chain.enumerated().dropFirst() where directory.isCopy(of: levels) {
        levels.append(Level(directory: directory, page: page, subdirectory: nil))
      }
    } else {
      for (place, offset) in first.subdirectories.enumerated() {
        let directory = try TIFFDirectory.read(at: offset, from: reader).directory
        if directory.isCopy(of: levels) { levels.append(Level(directory: directory, page: 0, subdirectory: place)) }
      }
    }
    self.levels = levels
  }
}

extension TIFFDirectory {
  /// Whether this is the next smaller level: tiled, smaller than the last one, and of the first one's shape.
  fileprivate func isCopy(of levels: [TIFFFile.Level]) -> Bool {
    guard let full = levels.first?.directory, let last = levels.last?.directory, isTiled else { return false }
    guard width <= last.width, height <= last.height, width < last.width || height < last.height else { return false }
    // Each halving may have rounded either side.
    let skew = abs(width * full.height - height * full.width)
    return skew <= 2 * (full.width + full.height)
  }
}
