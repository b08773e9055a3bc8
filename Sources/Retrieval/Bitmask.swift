/// One bit a slot, in the layout of `TopK`: 32 a word, lowest first, set for the excluded.
struct Bitmask: Sendable, Equatable {
  var words: [UInt32] = []

  /// Bits up to a multiple of 32, all set.
  init(allSet count: Int) { words = [UInt32](repeating: .max, count: (count + 31) / 32) }

  subscript(slot: Int) -> Bool {
    get { words[slot / 32] >> UInt32(slot % 32) & 1 != 0 }
    set {
      if newValue {
        words[slot / 32] |= 1 << UInt32(slot % 32)
      } else {
        words[slot / 32] &= ~(1 << UInt32(slot % 32))
      }
    }
  }

  /// How many bits are clear: how many slots are not excluded.
  var clearCount: Int { words.reduce(0) { $0 + (~$1).nonzeroBitCount } }

  /// How many slots are not excluded here but are in `other`.
  func clearCount(excludedIn other: Bitmask) -> Int {
    zip(words, other.words).reduce(0) { $0 + (~$1.0 & $1.1).nonzeroBitCount }
  }

  /// Makes room for `count` slots; the new ones are excluded.
  mutating func grow(to count: Int) {
    let missing = (count + 31) / 32 - words.count
    if missing > 0 { words.append(contentsOf: repeatElement(.max, count: missing)) }
  }

  /// Excludes what `other` excludes, too.
  mutating func formUnion(_ other: Bitmask) {
    for index in words.indices where index < other.words.count { words[index] |= other.words[index] }
  }
}
