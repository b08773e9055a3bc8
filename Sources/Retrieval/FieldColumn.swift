/// One field of all slots as small numbers, so that filters and exclusions compare numbers and not strings.
struct FieldColumn: Sendable {
  /// The code of a slot without a value.
  static let missing: UInt32 = 0
  /// One a slot.
  private(set) var codes: [UInt32] = []
  private var codeOf: [ExactString: UInt32] = [:]
  private var values: [ExactString?] = [nil]
  /// Slots that have the code, so that codes nobody has are used again.
  private var uses: [Int] = [0]
  private var unused: [UInt32] = []

  /// The code of `value`; nil where no slot has it.
  func code(of value: String) -> UInt32? { codeOf[ExactString(value)] }

  mutating func grow(to count: Int) {
    if count > codes.count { codes.append(contentsOf: repeatElement(Self.missing, count: count - codes.count)) }
  }

  mutating func set(_ slot: Int, to value: String?) {
    let old = codes[slot]
    let new = value.map { intern(ExactString($0)) } ?? Self.missing
    codes[slot] = new
    if old != Self.missing { release(old) }
  }

  private mutating func intern(_ value: ExactString) -> UInt32 {
    if let code = codeOf[value] {
      uses[Int(code)] += 1
      return code
    }
    let code: UInt32
    if let free = unused.popLast() {
      code = free
      values[Int(code)] = value
      uses[Int(code)] = 1
    } else {
      code = UInt32(values.count)
      values.append(value)
      uses.append(1)
    }
    codeOf[value] = code
    return code
  }

  private mutating func release(_ code: UInt32) {
    uses[Int(code)] -= 1
    guard uses[Int(code)] == 0, let value = values[Int(code)] else { return }
    codeOf[value] = nil
    values[Int(code)] = nil
    unused.append(code)
  }

  /// Excludes from `mask` the slots whose code `isExcluded`.
  func exclude(from mask: inout Bitmask, where isExcluded: (UInt32) -> Bool) {
    codes.withUnsafeBufferPointer { codes in
      for word in mask.words.indices {
        var bits = mask.words[word]
        guard bits != .max else { continue }
        for bit in 0..<min(32, codes.count - word * 32) where isExcluded(codes[word * 32 + bit]) {
          bits |= 1 << UInt32(bit)
        }
        mask.words[word] = bits
      }
    }
  }
}
