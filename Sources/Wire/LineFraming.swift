#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Cuts a stream of bytes into lines: push what came, take what is whole.
///
/// A value type without I/O. It holds at most one line's limit and one push; after a line that is too long it gives
/// nothing more, since where the next message begins is then unknown.
package struct LineFraming: Sendable {
  package enum Event: Sendable, Equatable {
    /// A line without its line feed; blank lines are passed over.
    case line([UInt8])
    /// A line is longer than the limit; nothing follows.
    case tooLong
  }

  /// Longest line in bytes, its line feed not counted.
  package let limit: Int
  private var buffer: [UInt8] = []
  /// Where the first line that was not taken begins.
  private var start = 0
  /// Up to where no line feed was found.
  private var scanned = 0
  private var broken = false

  package init(limit: Int = Limits().line) { self.limit = limit }

  /// Bytes held: pushed and not yet taken.
  package var held: Int { buffer.count - start }

  /// The first bytes of the line that is not complete.
  package func beginning(_ count: Int) -> [UInt8] { Array(buffer[start...].prefix(count)) }

  package mutating func push(_ bytes: UnsafeRawBufferPointer) {
    guard !broken else { return }
    if start > 0, start == buffer.count || start > buffer.count / 2 {
      buffer.removeSubrange(..<start)
      scanned -= start
      start = 0
    }
    buffer.append(contentsOf: bytes)
  }

  package mutating func push(_ bytes: [UInt8]) { bytes.withUnsafeBytes { push($0) } }

  /// The next whole line, `tooLong` once, or nil until more is pushed.
  package mutating func next() -> Event? {
    while !broken {
      guard let end = lineFeed() else {
        scanned = buffer.count
        guard held > limit else { return nil }
        return tooLong()
      }
      guard end - start <= limit else { return tooLong() }
      let range = start..<end
      start = end + 1
      scanned = start
      if isBlank(range) { continue }
      return .line(take(range))
    }
    return nil
  }

  private func lineFeed() -> Int? {
    buffer.withUnsafeBytes { raw in
      guard let base = raw.baseAddress, scanned < raw.count,
        let found = memchr(base + scanned, 0x0A, raw.count - scanned)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  private mutating func take(_ range: Range<Int>) -> [UInt8] {
    guard range.lowerBound == 0, start == buffer.count else { return Array(buffer[range]) }
    // The line is all there is: hand the storage over instead of copying it.
    var line: [UInt8] = []
    swap(&line, &buffer)
    line.removeLast(line.count - range.upperBound)
    start = 0
    scanned = 0
    return line
  }

  private func isBlank(_ range: Range<Int>) -> Bool {
    range.count <= 64 && buffer[range].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
  }

  private mutating func tooLong() -> Event {
    broken = true
    buffer = []
    start = 0
    scanned = 0
    return .tooLong
  }
}
