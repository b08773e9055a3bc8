import Dispatch
import Synchronization

/// Bytes that the decodes at work may hold together, so that many large pictures at once wait instead of filling the
/// memory. First come, first served; a single request over the whole budget waits until it is alone.
final class MemoryBudget: Sendable {
  private struct Waiter {
    let amount: Int
    let turn: DispatchSemaphore
  }

  private struct State {
    var free: Int
    var waiting: [Waiter] = []
  }

  private let total: Int
  private let state: Mutex<State>

  init(bytes: Int) {
    total = max(1, bytes)
    state = Mutex(State(free: total))
  }

  /// Blocks the calling thread until `bytes` are free, then holds them while `body` runs.
  func withBytes<Value>(_ bytes: Int, _ body: () throws(ImageError) -> Value) throws(ImageError) -> Value {
    let amount = min(max(0, bytes), total)
    take(amount)
    defer { give(amount) }
    return try body()
  }

  private func take(_ amount: Int) {
    let turn = state.withLock { state -> DispatchSemaphore? in
      if state.waiting.isEmpty, state.free >= amount {
        state.free -= amount
        return nil
      }
      let turn = DispatchSemaphore(value: 0)
      state.waiting.append(Waiter(amount: amount, turn: turn))
      return turn
    }
    turn?.wait()
  }

  private func give(_ amount: Int) {
    state.withLock { state in
      state.free += amount
      while let first = state.waiting.first, first.amount <= state.free {
        state.free -= first.amount
        state.waiting.removeFirst()
        first.turn.signal()
      }
    }
  }
}
