/// The table of a zip file whose entries are stored without compression, as `torch.save` writes them; zip64 too.
///
/// Written for one purpose: each entry's bytes as a range of the file, after every number has been checked against it.
/// The entries' CRCs are not: PyTorch can be told to write none, and `Fingerprint` names the weights anyhow.
struct ZipArchive: Sendable {
  /// The bytes of each entry in the file.
  let entries: [String: Range<Int>]

  /// A checkpoint has an entry a tensor; the limit only bounds the work on a hostile file.
  static let maximumEntries = 1 << 17

  /// The first four bytes of a zip file's first entry.
  static let signature: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

  init(_ file: ModelFile) throws(ModelError) {
    let directory = try Directory(file)
    let bytes = try file.read(directory.range, place: "the zip directory")
    var entries: [String: Range<Int>] = [:]
    var offset = 0
    for number in 0..<directory.count {
      let place = "entry \(number) of the zip directory"
      guard offset + 46 <= bytes.count, bytes.littleEndian(at: offset, as: UInt32.self) == 0x0201_4B50 else {
        throw file.malformed(place, "there is no entry")
      }
      let flags = bytes.littleEndian(at: offset + 8, as: UInt16.self)
      let method = bytes.littleEndian(at: offset + 10, as: UInt16.self)
      let nameLength = Int(bytes.littleEndian(at: offset + 28, as: UInt16.self))
      let extraLength = Int(bytes.littleEndian(at: offset + 30, as: UInt16.self))
      let commentLength = Int(bytes.littleEndian(at: offset + 32, as: UInt16.self))
      let nameStart = offset + 46
      let end = nameStart + nameLength + extraLength + commentLength
      guard end <= bytes.count else { throw file.malformed(place, "it is longer than the directory") }
      guard let name = String(validating: bytes[nameStart..<nameStart + nameLength], as: UTF8.self) else {
        throw file.malformed(place, "its name is not UTF-8")
      }
      guard flags & 1 == 0, method == 0 else { throw file.malformed(place, "'\(name)' is compressed or encrypted") }
      var sizes = Sizes(
        whole: UInt64(bytes.littleEndian(at: offset + 24, as: UInt32.self)),
        stored: UInt64(bytes.littleEndian(at: offset + 20, as: UInt32.self)),
        header: UInt64(bytes.littleEndian(at: offset + 42, as: UInt32.self)))
      sizes.widen(by: Array(bytes[nameStart + nameLength..<nameStart + nameLength + extraLength]))
      guard sizes.whole == sizes.stored, entries[name] == nil else {
        throw file.malformed(place, "'\(name)' is there twice or has two sizes")
      }
      entries[name] = try Self.data(sizes, of: name, before: directory.range.lowerBound, in: file)
      offset = end
    }
    self.entries = entries
  }

  /// Where an entry's bytes lie: behind its own header, whose name and extra field have lengths of their own.
  private static func data(
    _ sizes: Sizes, of name: String, before limit: Int, in file: ModelFile
  ) throws(ModelError) -> Range<Int> {
    let place = "the zip entry '\(name)'"
    guard sizes.header <= UInt64(limit), sizes.stored <= UInt64(limit), Int(sizes.header) + 30 <= limit else {
      throw file.malformed(place, "it lies outside the file")
    }
    let start = Int(sizes.header)
    let header = try file.read(start..<start + 30, place: place)
    guard Array(header.prefix(4)) == signature else { throw file.malformed(place, "it has no header") }
    let nameLength = Int(header.littleEndian(at: 26, as: UInt16.self))
    let data = start + 30 + nameLength + Int(header.littleEndian(at: 28, as: UInt16.self))
    guard data + Int(sizes.stored) <= limit else { throw file.malformed(place, "it lies outside the file") }
    return data..<data + Int(sizes.stored)
  }

  /// An entry's sizes and place, 32 bits each, or 64 where a field says so.
  private struct Sizes {
    var whole: UInt64
    var stored: UInt64
    var header: UInt64

    /// Takes what is all ones from the zip64 extra field (tag 1), in this order.
    mutating func widen(by extra: [UInt8]) {
      var offset = 0
      while offset + 4 <= extra.count {
        let tag = extra.littleEndian(at: offset, as: UInt16.self)
        let end = offset + 4 + Int(extra.littleEndian(at: offset + 2, as: UInt16.self))
        guard end <= extra.count else { return }
        if tag == 1 {
          var field = offset + 4
          for path in [\Sizes.whole, \.stored, \.header]
          where self[keyPath: path] == 0xFFFF_FFFF && field + 8 <= end {
            self[keyPath: path] = extra.littleEndian(at: field)
            field += 8
          }
        }
        offset = end
      }
    }
  }

  /// The central directory's place and number of entries, from the record at the end of the file.
  private struct Directory {
    let range: Range<Int>
    let count: Int

    init(_ file: ModelFile) throws(ModelError) {
      let place = "the end of the zip file"
      let tailStart = max(0, file.size - (22 + 0xFFFF))
      let tail = try file.read(tailStart..<file.size, place: place)
      guard
        let end = stride(from: tail.count - 22, through: 0, by: -1).first(where: { offset in
          tail.littleEndian(at: offset, as: UInt32.self) == 0x0605_4B50
            && offset + 22 + Int(tail.littleEndian(at: offset + 20, as: UInt16.self)) == tail.count
        })
      else { throw file.malformed(place, "the zip directory's record is missing: the file was cut short") }
      var count = UInt64(tail.littleEndian(at: end + 10, as: UInt16.self))
      var size = UInt64(tail.littleEndian(at: end + 12, as: UInt32.self))
      var offset = UInt64(tail.littleEndian(at: end + 16, as: UInt32.self))
      let locator = tailStart + end - 20
      if locator >= 0 {
        let bytes = try file.read(locator..<locator + 20, place: place)
        if bytes.littleEndian(at: 0, as: UInt32.self) == 0x0706_4B50 {
          let record = bytes.littleEndian(at: 8, as: UInt64.self)
          guard record <= UInt64(file.size), Int(record) + 56 <= locator else {
            throw file.malformed(place, "the zip64 record lies outside the file")
          }
          let wide = try file.read(Int(record)..<Int(record) + 56, place: place)
          guard wide.littleEndian(at: 0, as: UInt32.self) == 0x0606_4B50 else {
            throw file.malformed(place, "there is no zip64 record")
          }
          count = wide.littleEndian(at: 32)
          size = wide.littleEndian(at: 40)
          offset = wide.littleEndian(at: 48)
        }
      }
      let limit = UInt64(tailStart + end)
      guard offset <= limit, size <= limit - offset, count <= maximumEntries, count * 46 <= size else {
        throw file.malformed(place, "the zip directory (\(count) entries) lies outside the file")
      }
      range = Int(offset)..<Int(offset + size)
      self.count = Int(count)
    }
  }
}
