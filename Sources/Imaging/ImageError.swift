/// Why an image cannot be had, with what to do about it.
package enum ImageError: Error, Sendable, Equatable {
  /// No byte at all.
  case empty
  /// Not one of the four containers; says what it looks like.
  case unsupportedFormat(String)
  /// The container is read, but not this kind of content.
  case unsupportedContent(ImageFormat, String)
  /// Truncated or corrupt; the decoder's own words.
  case damaged(ImageFormat, reason: String)
  /// A file over its limit, in bytes.
  case fileTooLarge(bytes: Int, limit: Int)
  /// A picture or region over its limit, in pixels.
  case tooManyPixels(width: Int, height: Int, limit: Int)
  /// A side no decoder line buffer should have to hold.
  case sideTooLong(width: Int, height: Int, limit: Int)
  /// The rectangle leaves the level, or is empty.
  case regionOutside(ImageRegion, levelWidth: Int, levelHeight: Int)
  /// The pyramid has fewer levels.
  case noSuchLevel(Int, levels: Int)
  /// Not below an allowed directory, or a link, or no plain file.
  case forbiddenPath(String, reason: String)
  /// Allowed, but the system would not open or read it.
  case unreadableFile(String, reason: String)
  /// The image library does not work at all.
  case unavailable(reason: String)
  /// Too many decodes are waiting already.
  case overloaded(limit: Int)
  /// The asking task was cancelled.
  case cancelled

  /// Which of the protocol's errors this is.
  package enum Kind: Sendable { case unreadable, invalidRegion, tooLarge, overloaded, cancelled, internalError }

  /// Which of the protocol's errors this is.
  package var kind: Kind {
    switch self {
    case .fileTooLarge, .tooManyPixels, .sideTooLong: .tooLarge
    case .overloaded: .overloaded
    case .cancelled: .cancelled
    case .unavailable: .internalError
    case .regionOutside, .noSuchLevel: .invalidRegion
    case .empty, .unsupportedFormat, .unsupportedContent, .damaged, .forbiddenPath, .unreadableFile: .unreadable
    }
  }

  /// The limit that was passed, where one was.
  package var limit: Int? {
    switch self {
    case .fileTooLarge(_, let limit), .tooManyPixels(_, _, let limit), .sideTooLong(_, _, let limit),
      .overloaded(let limit):
      limit
    default: nil
    }
  }
}

extension ImageError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .empty: "the image is empty (0 bytes)"
    case .unsupportedFormat(let what): "the image is \(what); send JPEG, PNG, TIFF or WebP"
    case .unsupportedContent(let format, let what):
      "this \(format.rawValue) holds \(what), which is not read; convert it to 8-bit RGB"
    case .damaged(let format, let reason):
      "the \(format.rawValue) is damaged or truncated (\(reason)); send an intact copy"
    case .fileTooLarge(let bytes, let limit):
      "the image file has \(bytes) bytes, over the limit of \(limit); send a smaller file"
    case .tooManyPixels(let width, let height, let limit):
      "the picture has \(width)×\(height) pixels, over the limit of \(limit); send tiles, or a region of a tiled TIFF"
    case .sideTooLong(let width, let height, let limit):
      "the picture has \(width)×\(height) pixels, a side over the limit of \(limit); send tiles of it"
    case .regionOutside(let region, let width, let height):
      "the region at (\(region.x), \(region.y)) of \(region.width)×\(region.height) pixels does not lie inside level "
        + "\(region.level), which has \(width)×\(height) pixels (x and y count in pixels of level 0)"
    case .noSuchLevel(let level, let levels):
      "there is no level \(level); the image has \(levels) (level 0 is the full resolution)"
    case .forbiddenPath(let path, let reason): "the path \(Self.quoted(path)) is not allowed: \(reason)"
    case .unreadableFile(let path, let reason): "the file \(Self.quoted(path)) cannot be read: \(reason)"
    case .unavailable(let reason): "images cannot be decoded: \(reason)"
    case .overloaded(let limit): "\(limit) images are waiting to be decoded already; try again"
    case .cancelled: "the request was cancelled"
    }
  }

  /// A path as part of one line of text, however hostile or long.
  private static func quoted(_ path: String) -> String {
    let visible = path.unicodeScalars.prefix(300).map { $0.properties.generalCategory == .control ? "?" : String($0) }
    return "\"" + visible.joined() + (path.unicodeScalars.count > 300 ? "…" : "") + "\""
  }
}
