import Foundation

/// Where in its slide a tile lies, in the terms of the protocol's `region`; stored and returned as given.
package struct SlideRegion: Sendable, Equatable, Codable {
  package var x: Int
  package var y: Int
  package var width: Int
  package var height: Int
  package var level: Int

  package init(x: Int, y: Int, width: Int, height: Int, level: Int = 0) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
    self.level = level
  }
}

/// What computed an embedding: the kernel variant, the arithmetic and the program's version.
package struct EncoderIdentity: Sendable, Equatable, Codable {
  package var variant: String
  package var precision: String
  package var version: String

  package init(variant: String, precision: String, version: String) {
    self.variant = variant
    self.precision = precision
    self.version = version
  }
}

/// What is known of an item beside its embedding and thumbnail.
package struct ItemDescription: Sendable, Equatable {
  /// Unique in its collection, 1…1024 bytes of UTF-8.
  package var id: String
  package var label: String?
  package var slide: String?
  package var patient: String?
  package var site: String?
  package var region: SlideRegion?
  /// Micrometres a pixel.
  package var mpp: Double?
  /// Where the picture came from; stored and returned, never opened.
  package var source: String?
  /// 32 bytes: SHA-256 of the image's file.
  package var imageSHA256: Data?
  package var metadata: [String: MetadataValue]?
  /// Nil where the embedding was given and not computed here.
  package var encoder: EncoderIdentity?

  package init(
    id: String, label: String? = nil, slide: String? = nil, patient: String? = nil, site: String? = nil,
    region: SlideRegion? = nil, mpp: Double? = nil, source: String? = nil, imageSHA256: Data? = nil,
    metadata: [String: MetadataValue]? = nil, encoder: EncoderIdentity? = nil
  ) {
    self.id = id
    self.label = label
    self.slide = slide
    self.patient = patient
    self.site = site
    self.region = region
    self.mpp = mpp
    self.source = source
    self.imageSHA256 = imageSHA256
    self.metadata = metadata
    self.encoder = encoder
  }

  package subscript(field: Field) -> String? {
    switch field {
    case .label: label
    case .slide: slide
    case .patient: patient
    case .site: site
    }
  }
}

/// An item to be added.
package struct NewItem: Sendable {
  package var description: ItemDescription
  /// `dimension` finite numbers that are not all zero; stored bit by bit as given.
  package var embedding: [Float]
  /// A JPEG file.
  package var thumbnail: Data?

  package init(_ description: ItemDescription, embedding: [Float], thumbnail: Data? = nil) {
    self.description = description
    self.embedding = embedding
    self.thumbnail = thumbnail
  }
}

/// An item as the store holds it. What `include` did not ask for is nil.
package struct StoredItem: Sendable, Equatable {
  package var description: ItemDescription
  package var embedding: [Float]?
  package var thumbnail: Data?
  /// When it was added or last replaced.
  package var time: Date

  /// Bytes of its texts, metadata and thumbnail, and four a number of its embedding: no way of writing it down takes
  /// less.
  package var contentBytes: Int {
    var bytes = description.id.utf8.count + (description.source?.utf8.count ?? 0)
    for field in Field.allCases { bytes += description[field]?.utf8.count ?? 0 }
    for (key, value) in description.metadata ?? [:] {
      bytes += key.utf8.count
      if case .string(let text) = value { bytes += text.utf8.count }
    }
    return bytes + 4 * (embedding?.count ?? 0) + (thumbnail?.count ?? 0)
  }
}

/// What `add` does where the id exists.
package enum ConflictPolicy: String, Sendable, Codable {
  /// That item fails; the others are stored.
  case error
  /// The new one takes the old one's place in the insertion order.
  case replace
  /// The same image (by its file's SHA-256 and the item's region, or the same embedding where neither has an image) is
  /// passed over; another one fails.
  case skip
}

/// What `add` did with one item.
package enum AddOutcome: Sendable, Equatable {
  case stored
  case replaced
  case skipped
  case failed(ArchiveError)
}

/// What tells whether an item that is there already would be stored again.
package struct KnownItem: Sendable, Equatable {
  /// 32 bytes; nil for an item that was added as an embedding.
  package var imageSHA256: Data?
  package var region: SlideRegion?
}
