import Foundation

/// A real `esvitd serve`, started as a service manager would and ready when it says so.
final class DaemonProcess: Sendable {
  /// What a test may change of a start.
  struct Options: Sendable {
    var binary = Built.esvitd
    var model = Built.model
    var state: String?
    var socket: String?
    var arguments: [String] = []
    var environment: [String: String] = [:]
    /// Put before the daemon's command: `unshare`, `setpriv`, …
    var wrapper: [String] = []
    /// Passed as descriptor 3, as by socket activation.
    var inherited: CInt?
  }

  let child: Child
  let notifications: NotifySocket
  let socket: String
  let state: String
  private let folder: Folder

  private init(_ options: Options) throws {
    folder = try Folder()
    // A daemon under another user must reach its socket and its notifications.
    chmod(folder.path, 0o755)
    notifications = try NotifySocket(path: folder.file("notify"))
    chmod(notifications.path, 0o666)
    state = try options.state ?? folder.folder("state")
    socket = options.socket ?? folder.file("esvitd.sock")
    var arguments = ["--model", options.model, "--state", state, "--device", "cpu"]
    if options.inherited == nil { arguments += ["--socket", socket] }
    let environment = [
      "NOTIFY_SOCKET": notifications.path, "CACHE_DIRECTORY": Built.cache, "HOME": folder.path,
      "ESVIT_LOG_LEVEL": "debug",
    ]
    child = try Child(
      options.wrapper + [options.binary, "serve"] + arguments + options.arguments,
      environment: environment.merging(options.environment) { $1 }, inherited: options.inherited)
  }

  /// Starts a daemon and waits until it is ready.
  ///
  /// - Throws: `TestFailure` with what the daemon wrote, if it ends or does not become ready.
  static func ready(_ options: Options = Options()) async throws -> DaemonProcess {
    let daemon = try DaemonProcess(options)
    guard await daemon.notifications.heard("READY=1", from: daemon.child) else {
      let end = daemon.child.ending.map { "\($0)" } ?? "still running"
      throw TestFailure("the daemon did not become ready (\(end)):\n\(daemon.child.errors)")
    }
    return daemon
  }

  /// Starts a daemon that must not become ready; returns how it ended and what it said.
  static func failing(_ options: Options) async throws -> (ending: Ending, errors: String) {
    let daemon = try DaemonProcess(options)
    let ending = try await daemon.child.ended()
    return (ending, daemon.child.errors)
  }

  func connect() throws -> Connection { try Connection(socket) }

  /// Sends SIGTERM and waits for the end.
  func stop() async throws -> Ending {
    child.send(SIGTERM)
    return try await child.ended()
  }

  /// Ends it as a power cut would, and waits until it is gone.
  func kill() async throws {
    child.send(SIGKILL)
    _ = try await child.ended()
  }
}
