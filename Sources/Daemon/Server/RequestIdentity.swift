// The id of a request of which only the beginning is known.
import Wire

extension RequestID {
  /// Finds the top-level member `id` in the beginning of a request's line, so that a line that is refused before its
  /// end can still be answered to the one who asked. Nil where the beginning does not hold it whole.
  static func find(inBeginning bytes: some Collection<UInt8>) -> RequestID? {
    var scanner = BeginningScanner(bytes: Array(bytes))
    return scanner.id()
  }
}

/// Walks over the members of a JSON object until the text ends; validates nothing, since nothing depends on it.
private struct BeginningScanner {
  let bytes: [UInt8]
  var place = 0

  mutating func id() -> RequestID? {
    guard next() == UInt8(ascii: "{") else { return nil }
    while let key = string() {
      guard next() == UInt8(ascii: ":") else { return nil }
      skipSpace()
      let start = place
      guard skipValue() else { return nil }
      if key == Array("\"id\"".utf8) {
        return (try? JSONParser.parse(Array(bytes[start..<place]))).flatMap { RequestID($0) }
      }
      guard next() == UInt8(ascii: ",") else { return nil }
    }
    return nil
  }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x09, 0x0D].contains(bytes[place]) { place += 1 }
  }

  /// The next byte that is no white space.
  private mutating func next() -> UInt8? {
    skipSpace()
    guard place < bytes.count else { return nil }
    defer { place += 1 }
    return bytes[place]
  }

  /// A string with its quotes, or nil where there is none or it does not end.
  private mutating func string() -> [UInt8]? {
    skipSpace()
    let start = place
    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { return nil }
    place += 1
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\\"): place += 2
      case UInt8(ascii: "\""):
        place += 1
        return Array(bytes[start..<place])
      default: place += 1
      }
    }
    return nil
  }

  /// Goes behind a value; false where it does not end.
  private mutating func skipValue() -> Bool {
    var depth = 0
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        guard string() != nil else { return false }
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
        if depth == 0 { return true }
        if bytes[place] != UInt8(ascii: ",") { depth -= 1 }
      default: break
      }
      place += 1
    }
    return false
  }
}
