import Synchronization

/// Counts the bytes of requests and answers in hand over all connections.
package final class RequestMemory: Sendable {
  /// Bytes that may be in hand.
  package let limit: Int
  private let used = Mutex(0)

  package init(limit: Int) {
    self.limit = limit
  }

  /// Bytes in hand.
  package var inHand: Int { used.withLock { $0 } }

  /// Takes bytes if there is room for all of them.
  func take(_ bytes: Int) -> Bool {
    used.withLock { used in
      guard bytes <= limit - used else { return false }
      used += bytes
      return true
    }
  }

  /// Takes bytes that are there already, room or not.
  func force(_ bytes: Int) {
    used.withLock { $0 += bytes }
  }

  func give(_ bytes: Int) {
    used.withLock { $0 -= bytes }
  }
}

/// Bytes in hand that are given back when the last reference goes: however a request ends, its bytes are freed.
final class MemoryLease: Sendable {
  private let memory: RequestMemory
  private let bytes: Int

  /// Takes over bytes that the caller has taken.
  init(holding bytes: Int, of memory: RequestMemory) {
    (self.memory, self.bytes) = (memory, bytes)
  }

  deinit { memory.give(bytes) }
}
