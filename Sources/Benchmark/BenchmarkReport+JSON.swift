import Foundation

extension BenchmarkReport {
  /// Pretty-printed JSON with sorted keys in snake case, milliseconds, and the ratio where there is one.
  package func json() throws -> Data {
    struct Whole: Encodable {
      var report: BenchmarkReport
      enum Keys: CodingKey { case ratio }
      func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encodeIfPresent(report.ratio, forKey: .ratio)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(Whole(report: self)) + Data("\n".utf8)
  }
}
