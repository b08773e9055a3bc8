/// What an item is made of, or a query asks with.
package enum Content: Sendable, Equatable {
  case image(Picture)
  /// A finite vector that is not zero.
  case embedding([Float])
}

/// An item to `add`.
package struct Item: Sendable, Equatable {
  package var id: String
  package var content: Content
  package var label: String?
  package var slide: String?
  package var patient: String?
  package var site: String?
  /// Where the picture came from: stored and returned, never opened.
  package var source: String?
  /// Where in the slide the picture lies.
  package var region: Region?
  /// Micrometres a pixel.
  package var mpp: Double?
  /// Strings, numbers and booleans by name.
  package var metadata: JSONObject

  package init(
    id: String, content: Content, label: String? = nil, slide: String? = nil, patient: String? = nil,
    site: String? = nil, source: String? = nil, region: Region? = nil, mpp: Double? = nil,
    metadata: JSONObject = JSONObject()
  ) {
    self.id = id
    self.content = content
    self.label = label
    self.slide = slide
    self.patient = patient
    self.site = site
    self.source = source
    self.region = region
    self.mpp = mpp
    self.metadata = metadata
  }

  /// - Throws: `invalid_params` or `too_large`, naming the member.
  package init(_ value: JSONValue, path: String, limits: Limits) throws(ErrorObject) {
    var fields = try Fields(value, path: path, limits: limits)
    id = try fields.requiredString("id")
    let picture = try fields.picture("image", limits)
    let embedding = try fields.embedding(limits)
    label = try fields.string("label")
    slide = try fields.string("slide")
    patient = try fields.string("patient")
    site = try fields.string("site")
    source = try fields.string("source")
    region = try fields.region("region")
    mpp = try fields.positive("mpp")
    metadata = try fields.metadata("metadata", limits)
    try fields.finish()
    switch (picture, embedding) {
    case (let picture?, nil): content = .image(picture)
    case (nil, let embedding?): content = .embedding(embedding)
    case (nil, nil): throw ErrorObject(.invalidParams, "\(path): expected \"image\" or \"embedding\"")
    default: throw ErrorObject(.invalidParams, "\(path): expected either \"image\" or \"embedding\", not both")
    }
  }
}

extension Item: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", id)
      writer.content(content)
      writer.field("label", label)
      writer.field("slide", slide)
      writer.field("patient", patient)
      writer.field("site", site)
      writer.field("source", source)
      writer.field("region", region)
      writer.field("mpp", mpp)
      if !metadata.isEmpty { writer.field("metadata", metadata) }
    }
  }
}

/// One query of a `search`.
package struct Query: Sendable, Equatable {
  package enum Subject: Sendable, Equatable {
    case content(Content)
    /// A stored item; it is never its own neighbour.
    case id(String)
  }
  package var subject: Subject
  /// What `exclude_same` compares; for a stored id the item's own fields count where these are nil.
  package var slide: String?
  package var patient: String?
  package var site: String?

  package init(_ subject: Subject, slide: String? = nil, patient: String? = nil, site: String? = nil) {
    self.subject = subject
    self.slide = slide
    self.patient = patient
    self.site = site
  }

  /// - Throws: `invalid_params` or `too_large`, naming the member.
  package init(_ value: JSONValue, path: String, limits: Limits) throws(ErrorObject) {
    var fields = try Fields(value, path: path, limits: limits)
    let picture = try fields.picture("image", limits)
    let embedding = try fields.embedding(limits)
    let id = try fields.value("id") == nil ? nil : fields.requiredString("id")
    slide = try fields.string("slide")
    patient = try fields.string("patient")
    site = try fields.string("site")
    try fields.finish()
    switch (picture, embedding, id) {
    case (let picture?, nil, nil): subject = .content(.image(picture))
    case (nil, let embedding?, nil): subject = .content(.embedding(embedding))
    case (nil, nil, let id?): subject = .id(id)
    case (nil, nil, nil): throw ErrorObject(.invalidParams, "\(path): expected \"image\", \"embedding\" or \"id\"")
    default: throw ErrorObject(.invalidParams, "\(path): expected one of \"image\", \"embedding\" and \"id\", not more")
    }
  }
}

extension Query: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      switch subject {
      case .content(let content): writer.content(content)
      case .id(let id): writer.field("id", id)
      }
      writer.field("slide", slide)
      writer.field("patient", patient)
      writer.field("site", site)
    }
  }
}

extension JSONWriter {
  fileprivate mutating func content(_ content: Content) {
    switch content {
    case .image(let picture): field("image", picture)
    case .embedding(let values):
      field("embedding", Base64.encode(values))
      field("encoding", EmbeddingEncoding.base64.rawValue)
    }
  }
}

extension Fields {
  mutating func picture(_ member: String, _ limits: Limits) throws(ErrorObject) -> Picture? {
    guard let value = value(member) else { return nil }
    return try Picture(value, path: name(member), limits: limits)
  }

  fileprivate mutating func metadata(_ member: String, _ limits: Limits) throws(ErrorObject) -> JSONObject {
    guard let value = value(member) else { return JSONObject() }
    guard case .object(let object) = value else { throw Self.mismatch(name(member), "an object", value) }
    for entry in object where !entry.value.isScalar {
      let path = "\(name(member)).\(entry.name.prefix(64))"
      throw Self.mismatch(path, "a string, number or boolean", entry.value)
    }
    try Self.checkSpelling(object, path: name(member))
    let bytes = JSONWriter.bytes(of: object).count
    guard bytes <= limits.metadata else {
      let text = "\(name(member)) has \(bytes) bytes; the limit of an item's metadata is \(limits.metadata)"
      throw ErrorObject(.tooLarge, text, limit: limits.metadata)
    }
    return object
  }
}
