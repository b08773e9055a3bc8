/// The fields that group items: `count` by them, `exclude_same`.
package enum GroupField: String, Sendable, CaseIterable, JSONWritable {
  case label, slide, patient, site

  package func write(to writer: inout JSONWriter) { rawValue.write(to: &writer) }
}

/// The field whose value a query's neighbours must not share.
package enum SameField: String, Sendable, CaseIterable, JSONWritable {
  case slide, patient, site

  package func write(to writer: inout JSONWriter) { rawValue.write(to: &writer) }
}

/// What is a case in `distinct`.
package enum CaseField: String, Sendable, CaseIterable, JSONWritable {
  case slide, patient

  package func write(to writer: inout JSONWriter) { rawValue.write(to: &writer) }
}

/// What answers may carry besides id, label, slide, patient and site.
package enum IncludeField: String, Sendable, CaseIterable, JSONWritable {
  case embedding, metadata, region, mpp, source, sha256, thumbnail

  package func write(to writer: inout JSONWriter) { rawValue.write(to: &writer) }
}

/// Which items: every field that is given must have one of its values.
package struct Filter: Sendable, Equatable {
  /// The allowed values of each field.
  package var fields: [GroupField: [String]] = [:]
  /// The allowed values (strings, numbers, booleans) of each metadata key.
  package var metadata: [String: [JSONValue]] = [:]

  package init() {}

  package init(_ fields: [GroupField: [String]], metadata: [String: [JSONValue]] = [:]) {
    self.fields = fields
    self.metadata = metadata
  }

  package var isEmpty: Bool { fields.isEmpty && metadata.isEmpty }

  package init(_ value: JSONValue, path: String, limits: Limits) throws(ErrorObject) {
    var reader = try Fields(value, path: path, limits: limits)
    for field in GroupField.allCases {
      guard let value = reader.value(field.rawValue) else { continue }
      var strings: [String] = []
      for element in try Self.alternatives(value, path: reader.name(field.rawValue), limits: limits) {
        guard case .string(let text) = element else {
          throw Fields.mismatch(reader.name(field.rawValue), "a string or a list of strings", element)
        }
        strings.append(text)
      }
      fields[field] = strings
    }
    if let value = reader.value("metadata") {
      guard case .object(let object) = value else { throw Fields.mismatch(reader.name("metadata"), "an object", value) }
      try Fields.checkSpelling(object, path: reader.name("metadata"))
      for member in object {
        let path = "\(reader.name("metadata")).\(member.name.prefix(64))"
        let values = try Self.alternatives(member.value, path: path, limits: limits)
        for value in values where !value.isScalar {
          throw Fields.mismatch(path, "a string, number or boolean, or a list of them", value)
        }
        metadata[member.name] = values
      }
    }
    try reader.finish()
    guard !isEmpty else { throw ErrorObject(.invalidParams, "\(path): expected at least one field") }
  }

  private static func alternatives(
    _ value: JSONValue, path: String, limits: Limits
  ) throws(ErrorObject) -> [JSONValue] {
    guard case .array(let values) = value else { return [value] }
    guard !values.isEmpty else { throw ErrorObject(.invalidParams, "\(path): expected at least one value") }
    guard values.count <= limits.filterValues else {
      let text = "\(path) lists \(values.count) values; the limit of a filter is \(limits.filterValues)"
      throw ErrorObject(.tooLarge, text, limit: limits.filterValues)
    }
    return values
  }
}

extension Filter: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      for field in GroupField.allCases {
        guard let values = fields[field] else { continue }
        if values.count == 1 { writer.field(field.rawValue, values[0]) } else { writer.field(field.rawValue, values) }
      }
      if !metadata.isEmpty {
        var object = JSONObject()
        for (key, values) in metadata.sorted(by: { $0.key < $1.key }) {
          object[key] = values.count == 1 ? values[0] : .array(values)
        }
        writer.field("metadata", object)
      }
    }
  }
}

extension JSONValue {
  /// Whether it is a string, number or boolean, which is what metadata may hold.
  package var isScalar: Bool {
    switch self {
    case .string, .integer, .double, .bool: true
    default: false
    }
  }
}

extension Fields {
  mutating func filter(_ member: String, _ limits: Limits) throws(ErrorObject) -> Filter? {
    guard let value = value(member) else { return nil }
    return try Filter(value, path: name(member), limits: limits)
  }

  mutating func include() throws(ErrorObject) -> Set<IncludeField> {
    guard let value = value("include") else { return [] }
    guard case .array(let elements) = value else { throw Self.mismatch(name("include"), "an array of strings", value) }
    var fields: Set<IncludeField> = []
    for (index, element) in elements.enumerated() {
      fields.insert(try Self.word(element, path: "\(name("include"))[\(index)]"))
    }
    return fields
  }
}
