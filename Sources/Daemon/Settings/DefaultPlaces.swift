// Where the daemon keeps and looks for its things when no setting says so.

/// The default places, worked out from the environment: systemd's directories, else the XDG ones.
package struct DefaultPlaces: Sendable {
  private let environment: [String: String]

  /// - Parameter environment: the process's environment variables.
  package init(environment: [String: String]) {
    self.environment = environment
  }

  /// True when systemd started this process as a service or through its socket.
  package var isService: Bool {
    ["NOTIFY_SOCKET", "LISTEN_FDS", "STATE_DIRECTORY"].contains { value($0) != nil }
  }

  /// `/run/esvitd/esvitd.sock` as a service, else `$XDG_RUNTIME_DIR/esvitd.sock`.
  package var socket: String {
    guard !isService, let runtime = value("XDG_RUNTIME_DIR") else { return "/run/esvitd/esvitd.sock" }
    return runtime + "/esvitd.sock"
  }

  /// `$STATE_DIRECTORY`, else `$XDG_STATE_HOME/esvitd`, else `~/.local/state/esvitd`.
  package var state: String {
    directory(systemd: "STATE_DIRECTORY", xdg: "XDG_STATE_HOME", home: ".local/state", system: "/var/lib/esvitd")
  }

  /// `$CACHE_DIRECTORY`, else `$XDG_CACHE_HOME/esvitd`, else `~/.cache/esvitd`.
  package var cache: String {
    directory(systemd: "CACHE_DIRECTORY", xdg: "XDG_CACHE_HOME", home: ".cache", system: "/var/cache/esvitd")
  }

  private func directory(systemd: String, xdg: String, home: String, system: String) -> String {
    // systemd lists several directories with colons; ours is the first.
    if let given = value(systemd)?.split(separator: ":").first { return String(given) }
    if let base = value(xdg) { return base + "/esvitd" }
    return value("HOME").map { "\($0)/\(home)/esvitd" } ?? system
  }

  private func value(_ name: String) -> String? {
    environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}
