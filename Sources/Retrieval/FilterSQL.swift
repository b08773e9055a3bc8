import Foundation
import GRDB

/// A condition on rows of `item` and the values of its parameters.
struct Condition: Sendable {
  var sql: String
  var arguments: StatementArguments

  /// How the conditions of a filter combine.
  enum Combination: String { case all = " AND ", any = " OR " }

  /// The rows of `collection` that meet all, or any, of the conditions of `filter`.
  init(collection: Int64, filter: Filter?, _ combination: Combination = .all) throws(ArchiveError) {
    sql = "item.collection = ?"
    arguments = [collection]
    guard let filter, !filter.isEmpty else { return }
    var conditions: [String] = []
    for field in Field.allCases {
      guard let values = filter.fields[field] else { continue }
      conditions.append("item.\(field.rawValue) IN (SELECT value FROM json_each(?))")
      arguments += [try jsonText(values)]
    }
    for (key, values) in filter.metadata.sorted(by: { $0.key < $1.key }) {
      conditions.append(try condition(key: key, values: values))
    }
    sql += " AND (\(conditions.joined(separator: combination.rawValue)))"
  }

  mutating func append(_ text: String, _ values: StatementArguments = []) {
    sql += " AND " + text
    arguments += values
  }

  private mutating func condition(key: String, values: [MetadataValue]) throws(ArchiveError) -> String {
    // By key and type of each member rather than by a path, which would need quoting and could not name every key; and
    // each list of values as one parameter, since SQLite bounds the depth of an expression.
    var texts: [MetadataValue] = []
    var numbers: [MetadataValue] = []
    var flags: Set<String> = []
    for value in values {
      switch value {
      case .string: texts.append(value)
      case .integer, .number: numbers.append(value)
      case .boolean(let flag): flags.insert("\(flag)")
      }
    }
    arguments += [key, try jsonText(texts), try jsonText(numbers), try jsonText(flags.sorted())]
    return """
      EXISTS (SELECT 1 FROM json_each(item.metadata) AS member WHERE member.key = ? AND (
        (member.type = 'text' AND member.value IN (SELECT value FROM json_each(?)))
        OR (member.type IN ('integer', 'real') AND member.value IN (SELECT value FROM json_each(?)))
        OR (member.type IN ('true', 'false') AND member.type IN (SELECT value FROM json_each(?)))))
      """
  }
}

extension Filter {
  /// - Throws: `.tooLarge` where it has more conditions or values than one statement should carry.
  func validate() throws(ArchiveError) {
    let limit = 1000
    let lists = fields.values.map(\.count) + metadata.values.map(\.count)
    if let longest = lists.max(), longest > limit {
      throw .tooLarge(what: "a list of values in a filter", limit: limit)
    }
    if metadata.count > 32 { throw .tooLarge(what: "the number of metadata keys in a filter", limit: 32) }
    for values in metadata.values {
      for case .number(let number) in values where !number.isFinite {
        throw .invalid("a number in a filter is not finite")
      }
    }
  }
}

/// Compact JSON with sorted keys.
func jsonText(_ value: some Encodable) throws(ArchiveError) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  } catch {
    throw .invalid("a value has no JSON form: \(error)")
  }
}
