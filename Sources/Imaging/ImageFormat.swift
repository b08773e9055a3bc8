/// The containers that are read, told apart by their first bytes, never by a file's name.
package enum ImageFormat: String, Sendable, CaseIterable {
  case jpeg = "JPEG"
  case png = "PNG"
  case tiff = "TIFF"
  case webp = "WebP"

  /// Recognises a file that may be decoded.
  /// - Throws: `ImageError.empty`, or `.unsupportedFormat` with what the bytes look like.
  init(of bytes: UnsafeRawBufferPointer) throws(ImageError) {
    guard !bytes.isEmpty else { throw .empty }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if ["II*\0", "MM\0*", "II+\0", "MM\0+"].contains(where: { bytes.starts(with: $0.utf8) }) {
      self = .tiff
    } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
      self = .webp
    } else {
      throw .unsupportedFormat(Self.guess(bytes))
    }
  }

  /// A name for what cannot be read, so that the sender knows what went astray.
  private static func guess(_ bytes: UnsafeRawBufferPointer) -> String {
    let known: [(String, String)] = [
      ("GIF8", "a GIF"), ("%PDF", "a PDF"), ("BM", "a BMP"), ("<svg", "an SVG"), ("<?xml", "XML"),
      ("\0\0\0\u{C}jP", "a JPEG 2000 file"), ("PK\u{3}\u{4}", "a ZIP archive"), ("P6", "a PNM"), ("8BPS", "a PSD"),
      ("SIMPLE  =", "a FITS file"), ("v/1\u{1}", "an OpenEXR file"),
    ]
    for (prefix, name) in known where bytes.starts(with: prefix.utf8) { return name }
    if bytes.dropFirst(4).starts(with: "ftyp".utf8) { return "a HEIF, AVIF or video file" }
    let isText = bytes.prefix(256).allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) || $0 >= 0x80 }
    return isText ? "text" : "of an unknown kind"
  }
}
