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
  /// There was nothing to do, or none of it could be done.
  case nothing(String)
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
    case .partly(let text), .nothing(let text), .usage(let text): text
    case .noDaemon(let path, let reason, let remedy): "no daemon answers at \(path): \(reason)\n\(remedy)"
    case .disconnected(let text): "\(text)\nLook at the daemon's log: journalctl --unit esvitd"
    case .file(let path, let reason): "\(path): \(reason)"
    case .malformed(let text): "the daemon's answer cannot be understood: \(text)"
    }
  }

  /// What `--json` prints instead of a result: `{"error": …}`, the daemon's own error as it sent it. Nil where there is
  /// no command to print for, and where the result that was printed names what failed.
  var json: JSONValue? {
    switch self {
    case .usage, .partly: nil
    case .request(let error): ["error": error.json]
    case .nothing: failure("nothing")
    case .noDaemon: failure("no_daemon")
    case .disconnected: failure("disconnected")
    case .file: failure("file")
    case .malformed: failure("malformed")
    }
  }

  private func failure(_ name: String) -> JSONValue {
    ["error": ["message": .string(description), "data": ["name": .string(name)]]]
  }
}

extension ErrorObject {
  /// The error as the protocol writes it, without `index`, which counts within one request and not on the command line.
  var json: JSONValue {
    var data: JSONObject = ["name": .string(name)]
    data["limit"] = limit.map { .integer(Int64($0)) }
    return ["code": .integer(Int64(code.rawValue)), "message": .string(message), "data": .object(data)]
  }
}
