import Testing

@testable import EsViT

@Suite("Zip files")
struct ZipArchiveTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ bytes: [UInt8]) throws -> [String: Range<Int>] {
    try ZipArchive(try ModelFile(path: try folder.write(bytes))).entries
  }

  /// A zip file of one stored entry `a` of `content`, with fields of the directory's entry as asked.
  private func zip(
    content: [UInt8] = [7, 8, 9], size: UInt32 = 3, place: UInt32 = 0, method: UInt16 = 0, flags: UInt16 = 0,
    extra: [UInt8] = [], twice: Bool = false, count: UInt16? = nil,
    zip64: ((_ directory: Int, _ size: Int) -> [UInt8])? = nil
  ) -> [UInt8] {
    let local: [UInt8] = [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + le(UInt16(1)) + le(UInt16(2))
    var bytes = local + [0x61, 0, 0] + content
    let directory = bytes.count
    for _ in 0..<(twice ? 2 : 1) {
      bytes += [0x50, 0x4B, 1, 2, 0, 0, 0, 0] + le(flags) + le(method) + [UInt8](repeating: 0, count: 8)
      bytes += le(size) + le(size) + le(UInt16(1)) + le(UInt16(extra.count)) + [UInt8](repeating: 0, count: 10)
      bytes += le(place) + [0x61] + extra
    }
    let length = bytes.count - directory
    if let zip64 { bytes += zip64(directory, length) }
    bytes += [0x50, 0x4B, 5, 6, 0, 0, 0, 0] + le(count ?? (twice ? 2 : 1)) + le(count ?? (twice ? 2 : 1))
    bytes += le(zip64 == nil ? UInt32(length) : .max) + le(zip64 == nil ? UInt32(directory) : .max) + [0, 0]
    return bytes
  }

  private func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  @Test("a stored entry's bytes are found")
  func stored() throws {
    let bytes = zip()
    let range = try #require(try read(bytes)["a"])
    #expect(Array(bytes[range]) == [7, 8, 9])
  }

  @Test("so are those of zip64, whose sizes are in an extra field and in a wider record")
  func wide() throws {
    // An unrelated field first, then sizes and place of 64 bits each.
    let extra =
      le(UInt16(9)) + le(UInt16(1)) + [0] + le(UInt16(1)) + le(UInt16(24)) + le(UInt64(3)) + le(UInt64(3))
      + le(UInt64(0))
    let bytes = zip(size: .max, place: .max, extra: extra, count: .max) { directory, size in
      let record =
        [0x50, 0x4B, 6, 6] + [UInt8](repeating: 0, count: 20) + le(UInt64(1)) + le(UInt64(1)) + le(UInt64(size))
        + le(UInt64(directory))
      return record + [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + le(UInt64(directory + size)) + [1, 0, 0, 0]
    }
    let range = try #require(try read(bytes)["a"])
    #expect(Array(bytes[range]) == [7, 8, 9])
    // The same with a record beyond the file, and with sizes beyond it.
    for hostile in [UInt64.max, 1 << 63, 1 << 40] {
      let far = zip(size: .max, place: .max, extra: extra, count: .max) { _, _ in
        [UInt8](repeating: 0, count: 56) + [0x50, 0x4B, 6, 7, 0, 0, 0, 0] + le(hostile) + [1, 0, 0, 0]
      }
      #expect(throws: ModelError.self) { try read(far) }
      let long = le(UInt16(1)) + le(UInt16(24)) + le(hostile) + le(hostile) + le(UInt64(0))
      #expect(throws: ModelError.self) { try read(zip(size: .max, place: .max, extra: long)) }
      let away = le(UInt16(1)) + le(UInt16(24)) + le(UInt64(3)) + le(UInt64(3)) + le(hostile)
      #expect(throws: ModelError.self) { try read(zip(size: .max, place: .max, extra: away)) }
    }
  }

  @Test("what reaches beyond the file, is compressed, encrypted or there twice is refused")
  func refused() throws {
    for bytes in [
      zip(size: 4), zip(size: .max), zip(place: 1), zip(place: .max), zip(method: 8), zip(flags: 1), zip(twice: true),
      zip(count: 2), zip(count: 60000), Array(zip().dropLast()), zip() + [0], [0x50, 0x4B, 3, 4], [],
    ] {
      #expect(throws: ModelError.self) { try read(bytes) }
    }
  }
}
