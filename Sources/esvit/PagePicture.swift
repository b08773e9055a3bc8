import Wire

/// A picture inside a page, or why there is none.
enum PagePicture {
  case file(type: String, bytes: [UInt8])
  case none(reason: String)

  /// Larger files make a page that no browser likes to open.
  private static let largest = 4 << 20

  /// A file as browsers show it: JPEG, PNG or WebP, told by its first bytes.
  init(_ bytes: [UInt8]?) {
    guard let bytes else {
      self = .none(reason: "no thumbnail stored")
      return
    }
    guard bytes.count <= Self.largest else {
      self = .none(reason: "too large to show (\(Text.bytes(bytes.count)))")
      return
    }
    let beginnings: [(type: String, bytes: [UInt8], at: Int)] = [
      ("image/jpeg", [0xFF, 0xD8, 0xFF], 0), ("image/png", [0x89, 0x50, 0x4E, 0x47], 0),
      ("image/webp", Array("WEBP".utf8), 8),
    ]
    let found = beginnings.first { bytes.dropFirst($0.at).starts(with: $0.bytes) }
    self = found.map { .file(type: $0.type, bytes: bytes) } ?? .none(reason: "a format that browsers do not show")
  }

  func html(alternative: String) -> HTML {
    switch self {
    case .file(let type, let bytes):
      "<img alt=\"\(alternative)\" src=\"data:\(type);base64,\(Base64.encode(bytes))\">"
    case .none(let reason): "<div class=\"blank\" role=\"img\" aria-label=\"\(alternative)\">\(reason)</div>"
    }
  }

  /// The subjects' own pictures: the files that were searched with, the thumbnails of stored items.
  static func pictures(
    of subjects: [SearchSubject], collection: String, _ daemon: Connection
  ) throws(ClientError) -> [PagePicture] {
    var pictures: [PagePicture] = []
    for subject in subjects {
      switch subject.kind {
      case .file(let file):
        let bytes = try? ImageFiles.read(file.path, limit: Limits().inlineFile)
        pictures.append(bytes.map { PagePicture($0) } ?? .none(reason: "not readable any more"))
      case .id:
        let parameters = GetParameters(collection: collection, ids: [subject.name], include: [.thumbnail])
        let answer = try ConnectionOptions.read(try daemon.result(of: .get(parameters)), GetAnswer.init)
        pictures.append(PagePicture((try? answer.items.first?.outcome.get())?.thumbnail))
      }
    }
    return pictures
  }
}
