import Glibc

/// Where the daemon's socket is looked for (protocol.md): the option, `$ESVIT_SOCKET`, the session's, the service's.
enum SocketPath {
  static let service = "/run/esvitd/esvitd.sock"

  static func resolve(
    option: String?, environment: (String) -> String? = Self.environment, exists: (String) -> Bool = Self.exists
  ) -> String {
    if let option { return option }
    if let named = environment("ESVIT_SOCKET"), !named.isEmpty { return named }
    if let folder = environment("XDG_RUNTIME_DIR"), !folder.isEmpty {
      let path = folder + "/esvitd.sock"
      if exists(path) { return path }
    }
    return service
  }

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
