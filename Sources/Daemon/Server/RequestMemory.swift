import Synchronization

/// Counts the bytes of requests and answers in hand over all connections.
package final class RequestMemory: Sendable {
  /// Bytes that may be in hand.
  package let limit: Int
  private let state = Mutex((used: 0, most: 0))

  package init(limit: Int) {
    self.limit = limit
  }

  /// Bytes in hand.
  package var inHand: Int { state.withLock { $0.used } }

  /// Whether `bytes` or more have been in hand since this was true last, and almost none are now: the allocator keeps
  /// what they took unless it is told to give it back.
  func hasSunk(from bytes: Int) -> Bool {
    state.withLock { state in
      guard state.most >= bytes, state.used <= bytes / 8 else { return false }
      state.most = state.used
      return true
    }
  }

  /// Takes bytes for as long as the lease lives; nil where there is no room for all of them.
  func lease(_ bytes: Int) -> MemoryLease? {
    take(bytes) ? MemoryLease(holding: bytes, of: self) : nil
  }

  /// Takes bytes if there is room for all of them.
  func take(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard bytes <= limit - state.used else { return false }
      state.used += bytes
      state.most = max(state.most, state.used)
      return true
    }
  }

  func give(_ bytes: Int) {
    state.withLock { $0.used -= bytes }
  }
}

/// Bytes in hand that are given back when the last reference goes: however a request ends, its bytes are freed.
final class MemoryLease: Sendable {
  private let memory: RequestMemory
  private let bytes: Mutex<Int>

  /// Takes over bytes that the caller has taken.
  init(holding bytes: Int, of memory: RequestMemory) {
    self.memory = memory
    self.bytes = Mutex(bytes)
  }

  /// Holds so many bytes from now on; false, and nothing changes, where there is no room for them.
  func resize(to count: Int) -> Bool {
    bytes.withLock { bytes in
      guard count <= bytes || memory.take(count - bytes) else { return false }
      if count < bytes { memory.give(bytes - count) }
      bytes = count
      return true
    }
  }

  deinit { memory.give(bytes.withLock { $0 }) }
}
