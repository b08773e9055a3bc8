/// The numbers of a TIFF or BigTIFF file, in either byte order, never outside its bytes.
struct TIFFReader {
  /// One entry of a directory.
  struct Entry {
    let tag: UInt16
    fileprivate let type: UInt16
    fileprivate let count: UInt64
    /// Where the value, or the offset of the values, stands.
    fileprivate let place: UInt64
  }

  /// Offset of the first directory.
  let firstDirectory: UInt64
  private let bytes: UnsafeRawBufferPointer
  private let isBigEndian: Bool
  private let isBig: Bool

  init(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
    guard bytes.count >= 16 else { throw .damaged(.tiff, reason: "it ends within its header") }
    self.bytes = bytes
    isBigEndian = bytes[0] == UInt8(ascii: "M")
    isBig = (isBigEndian ? bytes[3] : bytes[2]) == 43
    firstDirectory = Self.number(
      bytes, at: isBig ? 8 : 4, width: isBig ? 8 : 4, isBigEndian: isBigEndian)
  }

  /// A directory's entries and the offset of the next one (0: none).
  func entries(at offset: UInt64) throws(ImageError) -> (entries: [Entry], next: UInt64) {
    let (countWidth, entryWidth, offsetWidth): (UInt64, UInt64, UInt64) = isBig ? (8, 20, 8) : (2, 12, 4)
    let count = try number(at: offset, width: Int(countWidth))
    guard count <= 4096 else { throw .damaged(.tiff, reason: "it has a directory of \(count) entries") }
    var entries: [Entry] = []
    var place = offset + countWidth
    for _ in 0..<count {
      entries.append(
        Entry(
          tag: UInt16(truncatingIfNeeded: try number(at: place, width: 2)),
          type: UInt16(truncatingIfNeeded: try number(at: place + 2, width: 2)),
          count: try number(at: place + 4, width: Int(offsetWidth)), place: place + 4 + offsetWidth))
      place += entryWidth
    }
    return (entries, try number(at: place, width: Int(offsetWidth)))
  }

  /// The values of an entry of whole numbers.
  func values(of entry: Entry) throws(ImageError) -> [UInt64] {
    let widths: [UInt16: UInt64] = [1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8]
    guard let width = widths[entry.type], (1...4096).contains(entry.count) else {
      throw .damaged(.tiff, reason: "its tag \(entry.tag) is no list of whole numbers")
    }
    let offsetWidth: UInt64 = isBig ? 8 : 4
    let isInline = entry.count * width <= offsetWidth
    let start = isInline ? entry.place : try number(at: entry.place, width: Int(offsetWidth))
    guard start <= UInt64(bytes.count) else { throw outside }
    var values: [UInt64] = []
    for place in 0..<entry.count { values.append(try number(at: start + place * width, width: Int(width))) }
    return values
  }

  private var outside: ImageError { .damaged(.tiff, reason: "a directory points outside the file") }

  private func number(at place: UInt64, width: Int) throws(ImageError) -> UInt64 {
    guard place <= UInt64(bytes.count), bytes.count - Int(place) >= width else { throw outside }
    return Self.number(bytes, at: Int(place), width: width, isBigEndian: isBigEndian)
  }

  private static func number(
    _ bytes: UnsafeRawBufferPointer, at place: Int, width: Int, isBigEndian: Bool
  ) -> UInt64 {
    let digits = bytes[place..<place + width]
    return isBigEndian
      ? digits.reduce(0) { $0 << 8 | UInt64($1) } : digits.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
