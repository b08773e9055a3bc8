import Synchronization

/// Decides what the daemon does after its device failed: go on, or end and be started anew.
///
/// A device that is out of memory for one batch recovers by itself; one whose driver has lost its context does not, and
/// only a new process opens it again.
final class DeviceHealth: Sendable {
  /// Failures in a row after which the daemon ends.
  static let patience = 3

  private let failures = Mutex(0)
  /// Opens when the daemon is to end.
  let isLost = Latch()

  /// The device did what it was asked.
  func succeeded() {
    failures.withLock { $0 = 0 }
  }

  /// The device failed. - Returns: what happens next, for the error's message.
  func failed() -> String {
    let count = failures.withLock { failures in
      failures += 1
      return failures
    }
    guard count >= Self.patience else { return "the next request is tried on it again" }
    isLost.open()
    return "it failed \(count) times in a row, so the daemon ends now and its service manager starts it anew"
  }
}
