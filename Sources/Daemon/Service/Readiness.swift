import Synchronization
import Wire

/// How far the daemon is: it accepts connections from the beginning, and answers most of them once it is ready.
final class Readiness: Sendable {
  enum State: Sendable {
    /// What it is doing.
    case loading(String)
    case ready(Engine)
    case draining(Engine?)
  }

  private let state = Mutex(State.loading("starting"))

  var now: State { state.withLock { $0 } }

  func loading(_ doing: String) { state.withLock { $0 = .loading(doing) } }

  func ready(_ engine: Engine) { state.withLock { $0 = .ready(engine) } }

  func draining() {
    state.withLock { state in
      switch state {
      case .loading: state = .draining(nil)
      case .ready(let engine): state = .draining(engine)
      case .draining: break
      }
    }
  }

  /// The engine. - Throws: `not_ready` with what the daemon is doing.
  func engine() throws(ErrorObject) -> Engine {
    switch now {
    case .ready(let engine), .draining(let engine?): return engine
    case .loading(let doing):
      throw ErrorObject(.notReady, "the daemon is still starting (\(doing)); try again in a moment")
    case .draining(nil): throw ErrorObject(.shuttingDown, "the daemon is shutting down")
    }
  }
}
