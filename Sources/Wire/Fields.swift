/// The members of a JSON object, read strictly: by name, with a type, and at the end nothing may be left over.
///
/// Every error says the member's whole path and what was expected: `params.queries[3].k: expected an integer, found a
/// string`. `null` counts as a wrong type, not as absent.
package struct Fields {
  private let object: JSONObject
  /// How the object is called in messages, such as `params` or `params.items[2]`.
  package let path: String
  private let limits: Limits
  private var read: [String] = []

  /// - Throws: `invalid_params` where the value is no object.
  package init(_ value: JSONValue, path: String, limits: Limits = Limits()) throws(ErrorObject) {
    guard case .object(let object) = value else { throw Self.mismatch(path, "an object", value) }
    self.init(object, path: path, limits: limits)
  }

  package init(_ object: JSONObject, path: String, limits: Limits = Limits()) {
    self.object = object
    self.path = path
    self.limits = limits
  }

  /// - Throws: an error that names the first member that was never asked for.
  package func finish() throws(ErrorObject) {
    guard let stranger = object.first(where: { !read.contains($0.name) }) else { return }
    let known = read.isEmpty ? "it has no parameters" : "known: " + read.joined(separator: ", ")
    throw ErrorObject(.invalidParams, "\(name(String(stranger.name.prefix(64)))): unknown parameter (\(known))")
  }

  package func name(_ member: String) -> String { "\(path).\(member)" }

  package func missing(_ member: String, _ what: String) -> ErrorObject {
    ErrorObject(.invalidParams, "\(name(member)): missing; expected \(what)")
  }

  package static func mismatch(_ path: String, _ expected: String, _ found: JSONValue) -> ErrorObject {
    ErrorObject(.invalidParams, "\(path): expected \(expected), found \(found.typeName)")
  }

  package mutating func value(_ member: String) -> JSONValue? {
    if !read.contains(member) { read.append(member) }
    return object[member]
  }

  /// A string of at most `limits.text` bytes.
  package mutating func string(_ member: String) throws(ErrorObject) -> String? {
    guard let value = value(member) else { return nil }
    guard case .string(let text) = value else { throw Self.mismatch(name(member), "a string", value) }
    try check(text, name(member))
    return text
  }

  /// A string that must be there and not be empty.
  package mutating func requiredString(_ member: String) throws(ErrorObject) -> String {
    guard let text = try string(member) else { throw missing(member, "a string") }
    guard !text.isEmpty else {
      throw ErrorObject(.invalidParams, "\(name(member)): expected a string that is not empty")
    }
    return text
  }

  package mutating func bool(_ member: String) throws(ErrorObject) -> Bool? {
    guard let value = value(member) else { return nil }
    guard case .bool(let truth) = value else { throw Self.mismatch(name(member), "a boolean", value) }
    return truth
  }

  /// A whole number from `lowest` up; over `highest` it is `too_large`.
  package mutating func integer(_ member: String, from lowest: Int, to highest: Int) throws(ErrorObject) -> Int? {
    guard let value = value(member) else { return nil }
    if case .double(let wide) = value, abs(wide) >= 0x1p63 {
      // A whole number beyond 64 bits: over every limit, and not of a wrong type.
      throw wide > 0
        ? ErrorObject(.tooLarge, "\(name(member)) is \(wide); the limit is \(highest)", limit: highest)
        : ErrorObject(.invalidParams, "\(name(member)): expected an integer of at least \(lowest), found \(wide)")
    }
    guard case .integer(let wide) = value, let number = Int(exactly: wide) else {
      throw Self.mismatch(name(member), "an integer", value)
    }
    guard number >= lowest else {
      throw ErrorObject(.invalidParams, "\(name(member)): expected an integer of at least \(lowest), found \(number)")
    }
    guard number <= highest else {
      throw ErrorObject(.tooLarge, "\(name(member)) is \(number); the limit is \(highest)", limit: highest)
    }
    return number
  }

  /// A finite number above zero.
  package mutating func positive(_ member: String) throws(ErrorObject) -> Double? {
    guard let value = value(member) else { return nil }
    guard let number = value.number else { throw Self.mismatch(name(member), "a number", value) }
    guard number.isFinite, number > 0 else {
      throw ErrorObject(.invalidParams, "\(name(member)): expected a number above zero, found \(number)")
    }
    return number
  }

  /// An array of 1 to `limits.items` elements.
  package mutating func elements(_ member: String, of what: String) throws(ErrorObject) -> [JSONValue]? {
    guard let value = value(member) else { return nil }
    guard case .array(let elements) = value else { throw Self.mismatch(name(member), "an array of \(what)", value) }
    guard !elements.isEmpty else { throw ErrorObject(.invalidParams, "\(name(member)): expected at least one element") }
    guard elements.count <= limits.items else {
      let text = "\(name(member)) holds \(elements.count) \(what); the limit of items a request is \(limits.items)"
      throw ErrorObject(.tooLarge, text, limit: limits.items)
    }
    return elements
  }

  /// An array of 1 to `limits.items` strings that are not empty.
  package mutating func strings(_ member: String) throws(ErrorObject) -> [String]? {
    guard let elements = try elements(member, of: "strings") else { return nil }
    var strings: [String] = []
    for (index, element) in elements.enumerated() {
      guard case .string(let text) = element else {
        throw Self.mismatch("\(name(member))[\(index)]", "a string", element)
      }
      guard !text.isEmpty else {
        throw ErrorObject(.invalidParams, "\(name(member))[\(index)]: expected a string that is not empty")
      }
      try check(text, "\(name(member))[\(index)]")
      strings.append(text)
    }
    return strings
  }

  /// One of an enumeration's words.
  package mutating func word<Word: RawRepresentable & CaseIterable>(
    _ member: String, _: Word.Type
  ) throws(ErrorObject) -> Word? where Word.RawValue == String {
    guard let value = value(member) else { return nil }
    return try Self.word(value, path: name(member))
  }

  package static func word<Word: RawRepresentable & CaseIterable>(
    _ value: JSONValue, path: String
  ) throws(ErrorObject) -> Word where Word.RawValue == String {
    let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
    guard case .string(let text) = value else { throw mismatch(path, "one of \(words)", value) }
    guard let word = Word(rawValue: text) else {
      throw ErrorObject(.invalidParams, "\(path): expected one of \(words), found \"\(text.prefix(64))\"")
    }
    return word
  }

  /// - Throws: `invalid_params` for two names of metadata which look the same and differ in their bytes only: stored
  ///   under one name, one of them would be lost.
  static func checkSpelling(_ metadata: JSONObject, path: String) throws(ErrorObject) {
    var names: Set<String> = []
    for name in metadata.names where !names.insert(name).inserted {
      let text = "the name \"\(name.prefix(64))\" comes in two spellings of Unicode (composed and decomposed); keep one"
      throw ErrorObject(.invalidParams, "\(path): \(text)")
    }
  }

  private func check(_ text: String, _ path: String) throws(ErrorObject) {
    guard text.utf8.count <= limits.text else {
      let message = "\(path) has \(text.utf8.count) bytes; the limit of a text is \(limits.text)"
      throw ErrorObject(.tooLarge, message, limit: limits.text)
    }
  }
}
