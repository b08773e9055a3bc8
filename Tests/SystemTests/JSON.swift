import Foundation

/// A JSON value, read and written by Foundation: the tests' truth beside the daemon's own reader and writer.
enum JSON: Sendable, Equatable {
  case null, bool(Bool), number(Double), string(String), array([JSON]), object([String: JSON])

  init(parsing text: Data) throws {
    try self.init(JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed))
  }

  private init(_ value: Any) throws {
    switch value {
    case is NSNull: self = .null
    case let value as [Any]: self = .array(try value.map(JSON.init))
    case let value as [String: Any]: self = .object(try value.mapValues(JSON.init))
    case let value as String: self = .string(value)
    case let value as NSNumber:
      // Foundation tells a boolean by its C type alone.
      self = ["c", "B"].contains(String(cString: value.objCType)) ? .bool(value.boolValue) : .number(value.doubleValue)
    default: throw TestFailure("not JSON: \(value)")
    }
  }

  private var foundation: Any {
    switch self {
    case .null: NSNull()
    case .bool(let value): value
    case .number(let value): value == value.rounded() && abs(value) < 1e15 ? Int(value) as Any : value
    case .string(let value): value
    case .array(let values): values.map(\.foundation)
    case .object(let values): values.mapValues(\.foundation)
    }
  }

  func written() throws -> Data {
    try JSONSerialization.data(withJSONObject: foundation, options: [.fragmentsAllowed, .withoutEscapingSlashes])
  }

  subscript(key: String) -> JSON {
    if case .object(let values) = self { values[key] ?? .null } else { .null }
  }

  subscript(index: Int) -> JSON {
    if case .array(let values) = self, values.indices.contains(index) { values[index] } else { .null }
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var number: Double? { if case .number(let value) = self { value } else { nil } }
  var array: [JSON] { if case .array(let values) = self { values } else { [] } }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(integerLiteral value: Int) { self = .number(Double(value)) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Dictionary(elements) { $1 }) }
}
