/// Any JSON value, as `JSONParser` reads it and `JSONWriter` writes it.
///
/// Whole numbers of 64 bits stay exact (`integer`); every other number is a double.
package enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// The type's name as an error message says it: "a string", "an array", …
  package var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .double: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The string, or nil where the value is something else.
  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The whole number, or nil; `2.0` counts as 2.
  package var integer: Int? {
    switch self {
    case .integer(let value): Int(exactly: value)
    case .double(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number, or nil where the value is not one.
  package var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .double(let value): value
    default: nil
    }
  }

  /// The truth value, or nil.
  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The elements, or nil.
  package var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members, or nil.
  package var object: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The member of an object, nil where this is no object or it has no such member.
  package subscript(name: String) -> JSONValue? { object?[name] }
}

/// A JSON object: its members in the order in which they came, each name once.
///
/// Names are the same where their bytes are, as RFC 8259 (section 8.3) has it: "é" as one character and "é" as two, which
/// Swift's own comparison takes for the same, are two names.
package struct JSONObject: Sendable, Equatable, Sequence, ExpressibleByDictionaryLiteral {
  /// Names and values in their order.
  package private(set) var members: [(name: String, value: JSONValue)] = []
  /// Where each name stands; kept only once a linear search would be slow.
  private var positions: [ExactString: Int] = [:]
  private static let linear = 12

  package init() {}

  /// An object of these members; of a name given twice the last value stays.
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    for (name, value) in elements { self[name] = value }
  }

  package var count: Int { members.count }
  package var isEmpty: Bool { members.isEmpty }
  /// The names in their order.
  package var names: [String] { members.map(\.name) }

  package func makeIterator() -> IndexingIterator<[(name: String, value: JSONValue)]> { members.makeIterator() }

  private func position(of name: String) -> Int? {
    members.count > Self.linear
      ? positions[ExactString(name)] : members.firstIndex { ExactString($0.name) == ExactString(name) }
  }

  /// Appends a member; false, and nothing changes, where the name is there already.
  package mutating func insert(_ name: String, _ value: JSONValue) -> Bool {
    guard position(of: name) == nil else { return false }
    members.append((name, value))
    if members.count == Self.linear + 1 {
      for (index, member) in members.enumerated() { positions[ExactString(member.name)] = index }
    } else if members.count > Self.linear {
      positions[ExactString(name)] = members.count - 1
    }
    return true
  }

  /// The value of a member; setting replaces it in place or appends it, nil removes it.
  package subscript(name: String) -> JSONValue? {
    get { position(of: name).map { members[$0].value } }
    set {
      if let newValue {
        if let index = position(of: name) { members[index].value = newValue } else { _ = insert(name, newValue) }
      } else if let index = position(of: name) {
        let rest = members.enumerated().filter { $0.offset != index }.map(\.element)
        self = JSONObject()
        for member in rest { _ = insert(member.name, member.value) }
      }
    }
  }

  /// Equal where names and values are; the order does not count.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.name] == $0.value }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .double(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (name, value) in elements { object[name] = value }
    self = .object(object)
  }
  package init(nilLiteral: ()) { self = .null }
}
