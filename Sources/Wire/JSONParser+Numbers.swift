/// Numbers: whole ones of 64 bits stay exact, others become the nearest double.
extension JSONParser {
  private mutating func digits(_ each: (UInt8) -> Void) -> Int {
    let start = cursor
    while cursor < bytes.count, bytes[cursor] &- 0x30 < 10 {
      each(bytes[cursor] &- 0x30)
      cursor += 1
    }
    return cursor - start
  }

  mutating func number() throws(JSONError) -> JSONValue {
    let start = cursor
    let negative = current == UInt8(ascii: "-")
    if negative { cursor += 1 }
    // The significant digits as an integer, as long as they fit; `exact` says whether they did.
    var mantissa: UInt64 = 0
    var exact = true
    func take(_ digit: UInt8) {
      let (product, high) = mantissa.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      exact = exact && !high && !carry
      mantissa = sum
    }
    let zero = current == UInt8(ascii: "0")
    let whole = digits(take)
    guard whole > 0, whole == 1 || !zero else { throw syntax("a malformed number") }
    var fraction = 0
    var exponent = 0
    var integral = true
    if current == UInt8(ascii: ".") {
      integral = false
      cursor += 1
      fraction = digits(take)
      guard fraction > 0 else { throw syntax("a malformed number") }
    }
    if current | 0x20 == UInt8(ascii: "e") {
      integral = false
      cursor += 1
      let minus = current == UInt8(ascii: "-")
      if minus || current == UInt8(ascii: "+") { cursor += 1 }
      guard digits({ exponent = min(exponent * 10 + Int($0), 100_000) }) > 0 else { throw syntax("a malformed number") }
      if minus { exponent = -exponent }
    }
    if integral, exact {
      if negative, mantissa <= UInt64(Int64.max) + 1 { return .integer(Int64(truncatingIfNeeded: 0 &- mantissa)) }
      if !negative, let value = Int64(exactly: mantissa) { return .integer(value) }
    }
    let scale = exponent - fraction
    if exact, mantissa < 1 << 53, abs(scale) <= 22 {
      // Both factors are exact doubles, so that one rounding gives the nearest double (Clinger 1990).
      let magnitude =
        scale < 0 ? Double(mantissa) / Self.powers[-scale] : Double(mantissa) * Self.powers[scale]
      return .double(negative ? -magnitude : magnitude)
    }
    let text = String(decoding: bytes[start..<cursor], as: UTF8.self)
    guard let value = Double(text), value.isFinite else { throw syntax("a number beyond the range of a double") }
    return .double(value)
  }

  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
    1e20, 1e21, 1e22,
  ]
}
