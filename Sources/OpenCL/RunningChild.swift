import Foundation
import Synchronization

/// The child that can be killed from another thread, as long as its identifier is its own.
final class RunningChild: Sendable {
  private enum State { case waiting, running(pid_t), cancelled, ended }
  private let state = Mutex(State.waiting)

  func started(_ child: pid_t) {
    state.withLock { state in
      if case .cancelled = state { Glibc.kill(-child, SIGKILL) }
      state = .running(child)
    }
  }

  func ended() { state.withLock { $0 = .ended } }

  func kill() {
    state.withLock { state in
      switch state {
      case .waiting: state = .cancelled
      case .running(let child): Glibc.kill(-child, SIGKILL)
      case .cancelled, .ended: break
      }
    }
  }
}
