import Glibc
import Testing

@testable import Daemon

@Suite("The listening socket")
struct ListeningSocketTests {
  let folder: TemporaryFolder
  let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("esvitd.sock")
  }

  @Test("listens with mode 0660, close-on-exec, and is gone with its lock after withdraw")
  func binds() throws {
    let socket = try ListeningSocket(bindingTo: path)
    #expect(socket.path == path)
    #expect(!socket.isInherited)
    #expect(mode(of: path) == 0o660)
    #expect(connectStatus(path) == 0)
    let descriptor = try #require(socket.takeDescriptor())
    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
    #expect(socket.takeDescriptor() == nil)
    close(descriptor)
    socket.withdraw()
    #expect(mode(of: path) == nil)
    #expect(mode(of: path + ".lock") == nil)
  }

  @Test("keeps the mode it is told, whatever the umask lets through")
  func selectableMode() throws {
    let socket = try ListeningSocket(bindingTo: path, mode: 0o600)
    #expect(mode(of: path) == 0o600)
    withExtendedLifetime(socket) {}
  }

  @Test("gives the file to the named group, or to the numbered one", .enabled(if: geteuid() == 0))
  func selectableGroup() throws {
    for group in ["daemon", "1"] {
      let socket = try ListeningSocket(bindingTo: path, group: group)
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_gid == 1)  // Debian's static number of group daemon
      #expect(mode(of: path) == 0o660)
      socket.withdraw()
    }
  }

  @Test("an unknown group is an error and leaves nothing behind")
  func unknownGroup() throws {
    #expect(throws: ListeningSocketError.unknownGroup("no-such-group")) {
      try ListeningSocket(bindingTo: path, group: "no-such-group")
    }
    #expect(mode(of: path) == nil)
    #expect(mode(of: path + ".lock") == nil)
  }

  @Test("replaces the socket file of a daemon that died")
  func replacesStale() throws {
    let dead = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(sockaddr_un.with(path: path) { bind(dead, $0, $1) } == 0)
    close(dead)
    #expect(connectStatus(path) == ECONNREFUSED)
    let socket = try ListeningSocket(bindingTo: path)
    #expect(connectStatus(path) == 0)
    withExtendedLifetime(socket) {}
  }

  @Test("never replaces a living daemon's, and names its process")
  func refusesLiving() throws {
    let first = try ListeningSocket(bindingTo: path)
    #expect(throws: ListeningSocketError.inUse(path: path, pid: getpid())) { try ListeningSocket(bindingTo: path) }
    #expect(connectStatus(path) == 0)
    first.withdraw()
    let second = try ListeningSocket(bindingTo: path)
    #expect(connectStatus(path) == 0)
    withExtendedLifetime(second) {}
  }

  @Test("never replaces a living socket that holds no lock, not even with a full backlog")
  func refusesLivingWithoutLock() throws {
    let foreign = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(foreign) }
    #expect(sockaddr_un.with(path: path) { bind(foreign, $0, $1) } == 0)
    #expect(listen(foreign, 0) == 0)
    let waiting = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(waiting) }
    #expect(sockaddr_un.with(path: path) { connect(waiting, $0, $1) } == 0)
    #expect(throws: ListeningSocketError.inUse(path: path, pid: nil)) { try ListeningSocket(bindingTo: path) }
    #expect(mode(of: path) != nil)
  }

  @Test("never removes a file that is not a socket")
  func refusesOtherFiles() throws {
    close(open(path, O_CREAT | O_WRONLY, 0o644))
    #expect(throws: ListeningSocketError.notASocket(path: path)) { try ListeningSocket(bindingTo: path) }
    #expect(mode(of: path) == 0o644)
  }

  @Test("a file that took the socket's place survives withdraw")
  func leavesForeignFile() throws {
    let socket = try ListeningSocket(bindingTo: path)
    #expect(unlink(path) == 0)
    close(open(path, O_CREAT | O_WRONLY, 0o644))
    socket.withdraw()
    #expect(mode(of: path) == 0o644)
  }

  @Test("of many that start at once exactly one listens, stale file or not")
  func racingStarters() async throws {
    for _ in 0..<20 {
      let dead = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      #expect(sockaddr_un.with(path: path) { bind(dead, $0, $1) } == 0)
      close(dead)
      let sockets = await withTaskGroup(of: ListeningSocket?.self) { group in
        for _ in 0..<8 { group.addTask { [path] in try? ListeningSocket(bindingTo: path) } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      let winners = sockets.compactMap { $0 }
      #expect(winners.count == 1)
      #expect(connectStatus(path) == 0)
      winners.forEach { $0.withdraw() }
      #expect(mode(of: path) == nil)
    }
  }

  @Test("a path that the kernel cannot take is refused with the limit")
  func pathTooLong() throws {
    let long = folder.file(String(repeating: "x", count: 100))
    #expect(throws: ListeningSocketError.pathTooLong(path: long, limit: 107)) { try ListeningSocket(bindingTo: long) }
    let longest = folder.file(String(repeating: "x", count: 107 - folder.path.utf8.count - 1))
    // The lock's name may be longer: it is an ordinary file.
    let socket = try ListeningSocket(bindingTo: longest)
    #expect(connectStatus(longest) == 0)
    withExtendedLifetime(socket) {}
  }

  @Test("a missing folder is named as such")
  func directoryMissing() throws {
    let missing = folder.file("nowhere/esvitd.sock")
    let error = #expect(throws: ListeningSocketError.self) { try ListeningSocket(bindingTo: missing) }
    #expect(error == .directoryMissing(path: missing + ".lock"))
  }
}

@Suite("A socket passed by the service manager")
struct SocketActivationTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func environment(count: Int = 1, names: String? = nil, pid: Int32 = getpid()) -> [String: String] {
    var environment = ["LISTEN_FDS": "\(count)", "LISTEN_PID": "\(pid)"]
    environment["LISTEN_FDNAMES"] = names
    return environment
  }

  /// Moves descriptors to neighbouring numbers far from those in use, as a service manager does from 3 on.
  private func place(_ descriptors: [CInt], at first: CInt) {
    for (index, descriptor) in descriptors.enumerated() {
      #expect(dup2(descriptor, first + CInt(index)) >= 0)
      close(descriptor)
    }
  }

  private func listening(_ name: String) throws -> CInt {
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #expect(sockaddr_un.with(path: folder.file(name)) { bind(descriptor, $0, $1) } == 0)
    #expect(listen(descriptor, 8) == 0)
    return descriptor
  }

  @Test("is taken, made close-on-exec, and its file stays after withdraw")
  func taken() throws {
    place([try listening("a.sock")], at: 700)
    let socket = try #require(try ListeningSocket.activated(environment: environment(), firstDescriptor: 700))
    #expect(socket.isInherited)
    #expect(socket.path == folder.file("a.sock"))
    #expect(fcntl(700, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
    #expect(connectStatus(folder.file("a.sock")) == 0)
    socket.withdraw()
    #expect(mode(of: folder.file("a.sock")) != nil)
    #expect(socket.takeDescriptor() == 700)
    close(700)
  }

  @Test("of several the one named esvitd is taken")
  func byName() throws {
    place([try listening("a.sock"), try listening("b.sock")], at: 710)
    defer { close(710) }
    let passed = environment(count: 2, names: "other:esvitd")
    let socket = try #require(try ListeningSocket.activated(environment: passed, firstDescriptor: 710))
    #expect(socket.path == folder.file("b.sock"))
    #expect(throws: ListeningSocketError.self) {
      try ListeningSocket.activated(environment: environment(count: 2), firstDescriptor: 710)
    }
  }

  @Test("variables meant for another process, or none, are no activation")
  func notForUs() throws {
    for environment in [[:], environment(pid: 1), environment(count: 0)] {
      let socket = try ListeningSocket.activated(environment: environment)
      #expect(socket === nil)
    }
  }

  @Test("the variables are gone from the process's environment afterwards")
  func unset() throws {
    setenv("LISTEN_FDS", "1", 1)
    setenv("LISTEN_PID", "1", 1)
    setenv("LISTEN_FDNAMES", "x", 1)
    _ = try ListeningSocket.activated(environment: ["LISTEN_FDS": "1", "LISTEN_PID": "1"])
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { #expect(getenv(name) == nil) }
  }

  @Test("what cannot be listened on is refused with the reason")
  func refused() throws {
    let file = open(folder.file("file"), O_CREAT | O_RDWR, 0o600)
    let unconnected = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let datagram = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    let internet = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    place([file, unconnected, datagram, internet], at: 720)
    defer { for descriptor in CInt(720)...723 { close(descriptor) } }
    for (descriptor, reason) in [
      (720, "not a socket"), (721, "not listening"), (722, "not a stream"), (723, "not a Unix-domain"),
      (799, "not open"),
    ] {
      let error = #expect(throws: ListeningSocketError.self) {
        try ListeningSocket.activated(environment: environment(), firstDescriptor: CInt(descriptor))
      }
      #expect(error?.description.contains(reason) == true)
    }
    #expect(throws: ListeningSocketError.self) {
      try ListeningSocket.activated(environment: ["LISTEN_FDS": "many", "LISTEN_PID": "\(getpid())"])
    }
  }
}
