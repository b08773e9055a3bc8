/// A rectangle of a slide by OpenSlide's convention: the corner in pixels of level 0, the size in pixels of `level`.
package struct Region: Sendable, Equatable, JSONWritable {
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

  package init(_ value: JSONValue, path: String) throws(ErrorObject) {
    var fields = try Fields(value, path: path)
    x = try fields.coordinate("x", from: 0)
    y = try fields.coordinate("y", from: 0)
    width = try fields.coordinate("width", from: 1)
    height = try fields.coordinate("height", from: 1)
    level = try fields.integer("level", from: 0, to: 64) ?? 0
    try fields.finish()
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("x", x)
      writer.field("y", y)
      writer.field("width", width)
      writer.field("height", height)
      writer.field("level", level)
    }
  }
}

extension Fields {
  fileprivate mutating func coordinate(_ member: String, from lowest: Int) throws(ErrorObject) -> Int {
    guard let value = try integer(member, from: lowest, to: Int(Int32.max)) else { throw missing(member, "an integer") }
    return value
  }

  /// A region, where there is one.
  mutating func region(_ member: String) throws(ErrorObject) -> Region? {
    guard let value = value(member) else { return nil }
    return try Region(value, path: name(member))
  }
}

/// An image of a request: the bytes of a file or the path of one, and which part of it.
package struct Picture: Sendable, Equatable {
  package enum Source: Sendable, Equatable {
    /// A whole JPEG, PNG, TIFF or WebP file.
    case data([UInt8])
    /// A file's path, for the daemon to check against its image roots.
    case path(String)
  }
  package var source: Source
  package var region: Region?

  package init(_ source: Source, region: Region? = nil) {
    self.source = source
    self.region = region
  }

  /// - Throws: `invalid_params`, or `too_large` for a file over `limits.inlineFile`.
  package init(_ value: JSONValue, path: String, limits: Limits) throws(ErrorObject) {
    // A path of the file system may be longer than other texts.
    var pathLimits = limits
    pathLimits.text = max(limits.text, 4_096)
    var fields = try Fields(value, path: path, limits: pathLimits)
    let data = fields.value("data")
    let file = try fields.string("path")
    region = try fields.region("region")
    try fields.finish()
    switch (data, file) {
    case (.string(let text)?, nil):
      let count = Base64.decodedCount(of: text)
      guard count <= limits.inlineFile + 2 else {
        let message =
          "\(path).data is a file of \(count) bytes; the limit of a file inside a line is \(limits.inlineFile)"
        throw ErrorObject(.tooLarge, message, limit: limits.inlineFile)
      }
      guard let bytes = Base64.decode(text) else {
        throw ErrorObject(.invalidParams, "\(path).data: expected base64 (RFC 4648, padded, without white space)")
      }
      source = .data(bytes)
    case (let value?, nil): throw Fields.mismatch("\(path).data", "a string of base64", value)
    case (nil, let file?):
      guard !file.isEmpty else { throw ErrorObject(.invalidParams, "\(path).path: expected a path that is not empty") }
      guard !file.utf8.contains(0) else {
        throw ErrorObject(.invalidParams, "\(path).path: holds a NUL character (\\u0000), which no path has")
      }
      source = .path(file)
    case (nil, nil): throw ErrorObject(.invalidParams, "\(path): expected \"data\" or \"path\"")
    default: throw ErrorObject(.invalidParams, "\(path): expected either \"data\" or \"path\", not both")
    }
  }
}

extension Picture: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      switch source {
      case .data(let bytes): writer.base64Field("data", bytes)
      case .path(let path): writer.field("path", path)
      }
      writer.field("region", region)
    }
  }
}

/// How embeddings travel: as an array of numbers, or little-endian float32 in base64.
package enum EmbeddingEncoding: String, Sendable, CaseIterable {
  case numbers = "array"
  case base64
}

/// An embedding as JSON, in one encoding.
package struct WireEmbedding: Sendable, Equatable, JSONWritable {
  package var values: [Float]
  package var encoding: EmbeddingEncoding

  package init(_ values: [Float], encoding: EmbeddingEncoding = .numbers) {
    self.values = values
    self.encoding = encoding
  }

  package func write(to writer: inout JSONWriter) {
    switch encoding {
    case .numbers: writer.array(values)
    case .base64: writer.string(Base64.encode(values))
    }
  }

  /// Reads what `write` wrote, whichever encoding it was: a client's way in.
  package static func values(_ value: JSONValue) -> [Float]? {
    switch value {
    case .string(let text): return Base64.decodeFloats(text)
    case .array(let numbers):
      let values = numbers.compactMap(\.number).map(Float.init)
      return values.count == numbers.count ? values : nil
    default: return nil
    }
  }
}

extension Fields {
  /// A finite vector that is not zero, in the encoding that the member `encoding` names.
  mutating func embedding(_ limits: Limits) throws(ErrorObject) -> [Float]? {
    let value = value("embedding")
    let encoding = try word("encoding", EmbeddingEncoding.self)
    let path = name("embedding")
    guard let value else {
      guard encoding == nil else { throw missing("embedding", "the vector that \"encoding\" is about") }
      return nil
    }
    var values: [Float] = []
    switch (value, encoding ?? .numbers) {
    case (.array(let numbers), .numbers):
      values.reserveCapacity(min(numbers.count, limits.dimension))
      for (index, element) in numbers.prefix(limits.dimension + 1).enumerated() {
        guard let number = element.number else { throw Self.mismatch("\(path)[\(index)]", "a number", element) }
        values.append(Float(number))
      }
    case (.string(let text), .base64):
      guard let floats = Base64.decodeFloats(text) else {
        throw ErrorObject(.invalidParams, "\(path): expected base64 of little-endian float32 numbers")
      }
      values = floats
    case (_, .base64): throw Self.mismatch(path, "a string, as \"encoding\" is \"base64\"", value)
    case (.string, .numbers): throw Self.mismatch(path, "an array of numbers (or \"encoding\": \"base64\")", value)
    default: throw Self.mismatch(path, "an array of numbers", value)
    }
    guard values.count <= limits.dimension else {
      let message = "\(path) has more than \(limits.dimension) numbers, the limit of an embedding's dimension"
      throw ErrorObject(.tooLarge, message, limit: limits.dimension)
    }
    guard values.allSatisfy(\.isFinite) else {
      throw ErrorObject(.invalidParams, "\(path): every number must be finite as float32")
    }
    guard values.contains(where: { $0 != 0 }) else {
      throw ErrorObject(.invalidParams, "\(path): a zero vector has no direction to compare")
    }
    return values
  }
}

extension JSONWriter {
  /// A member whose value is base64 of bytes.
  package mutating func base64Field(_ name: String, _ bytes: [UInt8]?) {
    if let bytes { field(name, Base64.encode(bytes)) }
  }
}
