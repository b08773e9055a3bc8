/// Why there is no socket to listen on: what happened, where, and what to do about it.
package enum ListeningSocketError: Error, Equatable, CustomStringConvertible {
  /// The path does not fit the kernel's `sun_path`; `limit` is in bytes.
  case pathTooLong(path: String, limit: Int)
  case directoryMissing(path: String)
  case permissionDenied(path: String, action: String)
  /// Something that is not a socket lies at the path; it is never removed.
  case notASocket(path: String)
  /// A living process answers at the path, or holds its lock; `pid` where the lock file tells it.
  case inUse(path: String, pid: Int32?)
  case unknownGroup(String)
  /// The service manager handed over something that cannot be listened on.
  case badActivation(String)
  case system(path: String, action: String, errno: Int32)

  package var description: String {
    switch self {
    case .pathTooLong(let path, let limit):
      "the socket path “\(path)” has \(path.utf8.count) bytes, the kernel takes \(limit): choose a shorter --socket"
    case .directoryMissing(let path):
      "the folder of the socket “\(path)” does not exist: create it, or choose another --socket"
    case .permissionDenied(let path, let action):
      "no permission to \(action) “\(path)”: run as a user that may, or choose another --socket"
    case .notASocket(let path):
      "“\(path)” exists and is not a socket: it was left alone; move it, or choose another --socket"
    case .inUse(let path, let pid):
      "another daemon\(pid.map { " (process \($0))" } ?? "") is listening on “\(path)”: stop it, or choose another --socket"
    case .unknownGroup(let group):
      "there is no group “\(group)”: create it (groupadd --system), or choose another --socket-group"
    case .badActivation(let reason):
      "the service manager passed an unusable socket: \(reason); see ListenStream= in esvitd.socket"
    case .system(let path, let action, let code):
      "cannot \(action) “\(path)”: \(errorText(code))"
    }
  }
}
