// Bytes of a connection to lines, within the memory for requests.
import NIOCore
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// Cuts a client's bytes into lines and charges what it holds to the memory for requests.
struct LineReader {
  enum Event {
    /// A whole line; its bytes stay charged until the lease goes.
    case line([UInt8], MemoryLease)
    /// The memory for requests is full: the line that was being received is passed over. The id is its request's
    /// where the line begins with it, else null.
    case overloaded(RequestID)
    /// A line is over the limit: nothing further can be read.
    case tooLong
  }

  /// Lines up to this size are not charged, so that `status` is answered even when the memory is full. What they take
  /// is bounded by the connections and their requests in hand.
  static let free = 4096

  private let limit: Int
  private let memory: RequestMemory
  private var framing: LineFraming
  private var charged = 0
  private var isPassingOver = false
  private var events: [Event] = []

  /// - Parameter limit: bytes of a line.
  init(limit: Int, memory: RequestMemory) {
    (self.limit, self.memory) = (limit, memory)
    framing = LineFraming(limit: limit)
  }

  /// Bytes of the line that is not complete.
  var held: Int { framing.held }

  /// Takes in what was received; `next` tells what came of it.
  mutating func push(_ buffer: ByteBuffer) {
    buffer.withUnsafeReadableBytes { bytes in
      var rest = bytes
      if isPassingOver {
        guard let base = bytes.baseAddress, let end = memchr(base, 0x0A, bytes.count) else { return }
        isPassingOver = false
        rest = UnsafeRawBufferPointer(rebasing: bytes[(UnsafeRawPointer(end) - base + 1)...])
      }
      let needed = max(0, framing.held + rest.count - Self.free)
      guard needed <= charged || memory.take(needed - charged) else { return passOver(rest) }
      charged = max(charged, needed)
      framing.push(rest)
    }
  }

  /// The next event, or nil until more is pushed.
  mutating func next() -> Event? {
    if !events.isEmpty { return events.removeFirst() }
    switch framing.next() {
    case nil:
      release(to: max(0, framing.held - Self.free))
      return nil
    case .tooLong?:
      release(to: 0)
      return .tooLong
    case .line(let line)?:
      let bytes = min(charged, max(0, line.count - Self.free))
      charged -= bytes
      return .line(line, MemoryLease(holding: bytes, of: memory))
    }
  }

  /// The client will send no more: what it sent last is a line, with a line feed or without one.
  mutating func finish() {
    guard framing.held > 0 else { return }
    framing.push([0x0A])
  }

  /// Gives up what is charged for the unfinished line: its connection is gone.
  mutating func end() {
    framing = LineFraming(limit: limit)
    release(to: 0)
  }

  /// Drops the unfinished line up to its end, which may lie in `bytes` or be yet to come.
  private mutating func passOver(_ bytes: UnsafeRawBufferPointer) {
    let beginning = framing.beginning(Self.free)
    let id = RequestID.find(inBeginning: beginning + bytes.prefix(Self.free - beginning.count))
    end()
    events.append(.overloaded(id ?? .null))
    guard let base = bytes.baseAddress, let end = memchr(base, 0x0A, bytes.count) else {
      isPassingOver = true
      return
    }
    // A chunk's rest is at most as long as one read: not worth a charge.
    framing.push(UnsafeRawBufferPointer(rebasing: bytes[(UnsafeRawPointer(end) - base + 1)...]))
  }

  private mutating func release(to bytes: Int) {
    guard charged > bytes else { return }
    memory.give(charged - bytes)
    charged = bytes
  }
}
