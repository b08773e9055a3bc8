import Glibc

extension ListeningSocket {
  /// The listening socket that the service manager passed to this process (`sd_listen_fds(3)`), or nil if it did not.
  ///
  /// Of several descriptors the one named `esvitd` (or `esvitd.socket`, systemd's default name) is taken. Removes the
  /// variables from the process's environment, so that no child takes them for its own: call it before other threads
  /// read the environment.
  ///
  /// - Parameters:
  ///   - environment: `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES`.
  ///   - firstDescriptor: where the passed descriptors begin; 3 by the convention.
  package static func activated(
    environment: [String: String], firstDescriptor: CInt = 3
  ) throws(ListeningSocketError) -> ListeningSocket? {
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID"] { unsetenv(name) }
    // Meant for another process, by which we were started: not ours to touch.
    guard let pid = environment["LISTEN_PID"], let listenFDs = environment["LISTEN_FDS"], pid == "\(getpid())"
    else { return nil }
    guard let count = CInt(listenFDs), (0...1024).contains(count) else {
      throw .badActivation("LISTEN_FDS is “\(listenFDs)”, not a number of descriptors")
    }
    guard count > 0 else { return nil }
    let descriptors = firstDescriptor..<(firstDescriptor + count)
    for descriptor in descriptors {
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
        throw .badActivation("descriptor \(descriptor) is not open")
      }
    }
    let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
    let ours = zip(descriptors, names).filter { ["esvitd", "esvitd.socket"].contains($0.1) }.map(\.0)
    let candidates = descriptors.count == 1 ? Array(descriptors) : ours
    guard candidates.count == 1 else {
      throw .badActivation("\(count) descriptors came, \(ours.count) of them named “esvitd”; one is needed")
    }
    try checkListening(candidates[0])
    return ListeningSocket(inheriting: candidates[0], path: boundPath(candidates[0]))
  }

  private static func checkListening(_ descriptor: CInt) throws(ListeningSocketError) {
    guard FileIdentity(of: descriptor)?.isSocket == true else {
      throw .badActivation("descriptor \(descriptor) is not a socket")
    }
    guard option(SO_DOMAIN, descriptor) == AF_UNIX else {
      throw .badActivation("descriptor \(descriptor) is not a Unix-domain socket")
    }
    guard option(SO_TYPE, descriptor) == Int32(SOCK_STREAM.rawValue) else {
      throw .badActivation("descriptor \(descriptor) is not a stream socket")
    }
    guard option(SO_ACCEPTCONN, descriptor) == 1 else {
      throw .badActivation("descriptor \(descriptor) is not listening (Accept=no is needed)")
    }
  }

  private static func option(_ name: CInt, _ descriptor: CInt) -> CInt? {
    var value: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
  }

  private static func boundPath(_ descriptor: CInt) -> String? {
    var address = sockaddr_un()
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0 else { return nil }
    let path = withUnsafeBytes(of: address.sun_path) { Array($0.prefix { $0 != 0 }) }
    return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
  }
}
