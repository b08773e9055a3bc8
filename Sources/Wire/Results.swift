/// An item as the daemon answers it; the fields of `include` are nil unless asked for.
package struct StoredItem: Sendable, Equatable {
  package var id: String
  package var label: String?
  package var slide: String?
  package var patient: String?
  package var site: String?
  package var source: String?
  package var region: Region?
  package var mpp: Double?
  package var metadata: JSONObject?
  package var embedding: WireEmbedding?
  /// SHA-256 of the image file, in hexadecimal.
  package var sha256: String?
  /// A JPEG file.
  package var thumbnail: [UInt8]?

  package init(
    id: String, label: String? = nil, slide: String? = nil, patient: String? = nil, site: String? = nil,
    source: String? = nil, region: Region? = nil, mpp: Double? = nil, metadata: JSONObject? = nil,
    embedding: WireEmbedding? = nil, sha256: String? = nil, thumbnail: [UInt8]? = nil
  ) {
    self.id = id
    self.label = label
    self.slide = slide
    self.patient = patient
    self.site = site
    self.source = source
    self.region = region
    self.mpp = mpp
    self.metadata = metadata
    self.embedding = embedding
    self.sha256 = sha256
    self.thumbnail = thumbnail
  }

  func writeMembers(_ writer: inout JSONWriter) {
    writer.field("label", label)
    writer.field("slide", slide)
    writer.field("patient", patient)
    writer.field("site", site)
    writer.field("source", source)
    writer.field("region", region)
    writer.field("mpp", mpp)
    writer.field("metadata", metadata)
    writer.field("embedding", embedding)
    writer.field("sha256", sha256)
    writer.base64Field("thumbnail", thumbnail)
  }
}

extension StoredItem: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", id)
      writeMembers(&writer)
    }
  }

  /// Reads an answer's item; members that a newer daemon added are passed over. Nil where there is no id.
  package init?(_ value: JSONValue) {
    guard let id = value["id"]?.string else { return nil }
    self.init(
      id: id, label: value["label"]?.string, slide: value["slide"]?.string, patient: value["patient"]?.string,
      site: value["site"]?.string, source: value["source"]?.string,
      region: value["region"].flatMap { try? Region($0, path: "region") }, mpp: value["mpp"]?.number,
      metadata: value["metadata"]?.object,
      embedding: value["embedding"].flatMap(WireEmbedding.values).map { WireEmbedding($0) },
      sha256: value["sha256"]?.string, thumbnail: value["thumbnail"]?.string.flatMap(Base64.decode))
  }
}

/// A stored item and how near it is.
package struct Neighbour: Sendable, Equatable {
  /// Cosine of the angle between the query and the item: -1 to 1.
  package var score: Double
  package var item: StoredItem

  package init(score: Double, item: StoredItem) {
    self.score = score
    self.item = item
  }
}

extension Neighbour: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", item.id)
      writer.field("score", score)
      item.writeMembers(&writer)
    }
  }

  package init?(_ value: JSONValue) {
    guard let score = value["score"]?.number, let item = StoredItem(value) else { return nil }
    self.init(score: score, item: item)
  }
}

/// One query's neighbours, best first.
package struct Neighbours: Sendable, Equatable, JSONWritable {
  package var neighbours: [Neighbour]

  package init(_ neighbours: [Neighbour]) { self.neighbours = neighbours }

  package func write(to writer: inout JSONWriter) {
    writer.object { $0.field("neighbours", neighbours) }
  }
}

/// One place of an answer: the value, or `{"error": …}`.
package struct Place<Value: JSONWritable & Sendable>: Sendable, JSONWritable {
  package var outcome: Result<Value, ErrorObject>

  package init(_ outcome: Result<Value, ErrorObject>) { self.outcome = outcome }

  package func write(to writer: inout JSONWriter) {
    switch outcome {
    case .success(let value): value.write(to: &writer)
    case .failure(let error): writer.object { $0.field("error", error) }
    }
  }

  /// Reads a place; `internal_error` stands for a value that `read` cannot read.
  package init(_ value: JSONValue, read: (JSONValue) -> Value?) {
    if let error = value["error"] {
      outcome = .failure(ErrorObject(error) ?? ErrorObject(.internalError, "the daemon sent an error without a code"))
    } else if let value = read(value) {
      outcome = .success(value)
    } else {
      outcome = .failure(ErrorObject(.internalError, "the daemon sent an answer that this client cannot read"))
    }
  }
}

/// What a collection is.
package struct CollectionDescription: Sendable, Equatable, JSONWritable {
  package var name: String
  package var dimension: Int
  /// The fingerprint of the model that its embeddings belong to.
  package var model: String
  /// `f32`, `bf16` or `int8`: at which its images are encoded, those of queries too. Nil from a daemon that does not say.
  package var precision: String?
  package var count: Int
  /// Bytes of its embeddings, metadata and thumbnails on the disk.
  package var bytes: Int

  package init(name: String, dimension: Int, model: String, precision: String? = nil, count: Int, bytes: Int) {
    self.name = name
    self.dimension = dimension
    self.model = model
    self.precision = precision
    self.count = count
    self.bytes = bytes
  }

  package init?(_ value: JSONValue) {
    guard let name = value["name"]?.string, let count = value["count"]?.integer else { return nil }
    self.init(
      name: name, dimension: value["dimension"]?.integer ?? 0, model: value["model"]?.string ?? "",
      precision: value["precision"]?.string, count: count, bytes: value["bytes"]?.integer ?? 0)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("name", name)
      writer.field("dimension", dimension)
      writer.field("model", model)
      writer.field("precision", precision)
      writer.field("count", count)
      writer.field("bytes", bytes)
    }
  }
}
