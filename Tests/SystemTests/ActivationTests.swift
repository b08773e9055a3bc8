import Foundation
import Testing

extension WithDaemon {
  @Suite("Socket activation", .timeLimit(.minutes(5)))
  struct ActivationTests {
    /// The service manager's listening socket, which outlives the daemon.
    private func listening(_ path: String) throws -> CInt {
      let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      let status = UnixAddress.with(path) { bind(descriptor, $0, $1) }
      guard status == 0, listen(descriptor, 16) == 0 else {
        throw TestFailure("cannot listen on \(path): errno \(errno)")
      }
      return descriptor
    }

    /// A start by activation: LISTEN_PID is the daemon's own number, which a shell knows before it becomes the daemon.
    private func options(_ descriptor: CInt, _ socket: String, state: String) -> DaemonProcess.Options {
      DaemonProcess.Options(
        state: state, socket: socket, environment: ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "esvitd"],
        wrapper: ["sh", "-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"], inherited: descriptor)
    }

    @Test("stopped, then a client connects and waits: the next start answers it")
    func stoppedThenAnswered() async throws {
      let folder = try Folder()
      let (path, state) = (folder.file("esvitd.sock"), try folder.folder("state"))
      let descriptor = try listening(path)
      defer { close(descriptor) }

      let first = try await DaemonProcess.ready(options(descriptor, path, state: state))
      #expect(try await first.connect().call("status")["protocol"] == 1)
      #expect(try await first.stop() == .exit(0))
      // The socket is the service manager's: its file stays, and takes clients while nobody serves.
      #expect(FileManager.default.fileExists(atPath: path))
      let client = try Connection(path)
      let id = try await client.start("status")
      #expect(id == 1)

      let second = try await DaemonProcess.ready(options(descriptor, path, state: state))
      #expect(try await client.answer(to: "status")["protocol"] == 1)
      #expect(try await second.stop() == .exit(0))
    }

    @Test(
      "systemd-socket-activate starts it at the first connection",
      .enabled(if: Built.tool("systemd-socket-activate") != nil, "needs Debian's package systemd"))
    func systemdSocketActivate() async throws {
      let folder = try Folder()
      let (path, state) = (folder.file("esvitd.sock"), try folder.folder("state"))
      let activator = try #require(Built.tool("systemd-socket-activate"))
      let notifications = try NotifySocket(path: folder.file("notify"))
      let passed = [
        "NOTIFY_SOCKET=\(notifications.path)", "CACHE_DIRECTORY=\(Built.cache)", "HOME=\(folder.path)",
      ]
      let child = try Child(
        [activator, "--listen=\(path)", "--fdname=esvitd"] + passed.map { "--setenv=\($0)" }
          + [Built.esvitd, "serve", "--model", Built.model, "--state", state, "--device", "cpu"])
      // The activator binds the path and then waits in it; it has no other sign of life.
      var client: Connection?
      for _ in 0..<600 where client == nil && child.ending == nil {
        client = try? Connection(path)
        if client == nil { try await Task.sleep(for: .milliseconds(50)) }
      }
      let connected = try #require(client, "\(child.errors)")
      #expect(try await connected.call("status")["protocol"] == 1)
      #expect(await notifications.heard("READY=1", from: child))
      child.send(SIGTERM)
      #expect(try await child.ended() == .exit(0))
    }

    @Test(
      "runs as the unit's user, without a capability and under its umask, and answers",
      .enabled(if: geteuid() == 0, "needs root"))
    func asServiceUser() async throws {
      // Where the package is not installed the unit's user is nobody: any user without rights shows the same.
      let user = getpwnam("esvitd") ?? getpwnam("nobody")
      let (uid, gid) = try #require(user.map { ($0.pointee.pw_uid, $0.pointee.pw_gid) })
      let folder = try Folder()
      chmod(folder.path, 0o755)
      let (path, state, cache) = (folder.file("esvitd.sock"), try folder.folder("state"), folder.file("cache"))
      // The kernels that other tests compiled, given to this user.
      try FileManager.default.copyItem(atPath: Built.cache, toPath: cache)
      let kernels = try FileManager.default.subpathsOfDirectory(atPath: cache).map { "\(cache)/\($0)" }
      for owned in [state, cache] + kernels { lchown(owned, uid, gid) }
      for own in [state, cache] { chmod(own, 0o700) }
      // The binaries may lie in a folder that this user cannot enter: it runs copies.
      let binary = folder.file("esvitd")
      try FileManager.default.copyItem(atPath: Built.esvitd, toPath: binary)
      var model = Built.model
      if model.hasPrefix("/") {
        model = folder.file("model.safetensors")
        try FileManager.default.copyItem(atPath: Built.model, toPath: model)
        chmod(model, 0o644)
      }
      let descriptor = try listening(path)
      defer { close(descriptor) }
      chmod(path, 0o666)
      let rights = [
        "setpriv", "--reuid=\(uid)", "--regid=\(gid)", "--clear-groups", "--no-new-privs", "--bounding-set=-all",
        "--inh-caps=-all",
      ]
      var options = options(descriptor, path, state: state)
      options.binary = binary
      options.model = model
      options.environment["CACHE_DIRECTORY"] = cache
      options.wrapper += rights + ["sh", "-c", "umask 0077; exec \"$@\"", "sh"]
      let daemon = try await DaemonProcess.ready(options)
      let client = try daemon.connect()
      _ = try await client.call("create", ["collection": "tiles"])
      let items: JSON = [["id": "a", "image": Picture.image(seed: 1)]]
      #expect(try await client.call("add", ["collection": "tiles", "items": items])["items"][0]["id"] == "a")
      #expect(try await daemon.stop() == .exit(0))
      // Nothing that it made is for others.
      for name in try FileManager.default.subpathsOfDirectory(atPath: state) {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(state)/\(name)")
        let mode = try #require(attributes[.posixPermissions] as? Int)
        #expect(mode & 0o077 == 0, "\(name)")
      }
    }
  }
}
