import Synchronization

/// What happens on one connection, written by those who do it and read by the one who watches for silence.
final class Activity: Sendable {
  /// What the reading side does.
  enum Reading: Sendable {
    /// It takes what comes; so many bytes of an unfinished line are here.
    case open(held: Int)
    /// The client has as many requests in hand as it may: nothing is read until one is answered.
    case full
    /// The client will send no more.
    case ended
  }

  struct State: Sendable {
    var reading = Reading.open(held: 0)
    var requests = 0
    /// Lines handed to the socket so far.
    var sent = 0
    var last = ContinuousClock.now
  }

  private let state = Mutex(State())

  var now: State { state.withLock { $0 } }

  /// Changes the state by an event that counts as a sign of life.
  func note(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      state.last = .now
    }
  }
}
