import Wire

/// Why a command ended, in words for its user.
enum ClientError: Error, Sendable, CustomStringConvertible {
  static let requestStatus: Int32 = 1
  static let usageStatus: Int32 = 2
  static let noDaemonStatus: Int32 = 3

  /// The daemon answered with an error.
  case request(ErrorObject)
  /// Parts of the command's work failed; they were told one by one.
  case partly(String)
  /// The arguments make no sense together.
  case usage(String)
  /// Nobody answers at the socket.
  case noDaemon(path: String, reason: String, remedy: String)
  /// The connection broke while an answer was awaited.
  case disconnected(String)
  /// A file of this machine cannot be read or written.
  case file(path: String, reason: String)
  /// The answer is not what the protocol promises.
  case malformed(String)

  var exitStatus: Int32 {
    switch self {
    case .usage: Self.usageStatus
    case .noDaemon: Self.noDaemonStatus
    default: Self.requestStatus
    }
  }

  var description: String {
    switch self {
    case .request(let error): "\(error.message) [\(error.name)]"
    case .partly(let text), .usage(let text): text
    case .noDaemon(let path, let reason, let remedy): "no daemon answers at \(path): \(reason)\n\(remedy)"
    case .disconnected(let text): "\(text)\nLook at the daemon's log: journalctl --unit esvitd"
    case .file(let path, let reason): "\(path): \(reason)"
    case .malformed(let text): "the daemon's answer cannot be understood: \(text)"
    }
  }
}
