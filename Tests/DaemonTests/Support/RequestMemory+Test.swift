import Daemon

extension RequestMemory {
  /// Whether everything in hand is given back. A lease ends after the client has its answer, so this looks again for up
  /// to five seconds before it says no.
  var isGivenBack: Bool {
    get async {
      for _ in 0..<1000 where inHand > 0 { try? await Task.sleep(for: .milliseconds(5)) }
      return inHand == 0
    }
  }
}
