import Dispatch
import Glibc
import Logging
import Testing

@testable import Daemon

/// The service manager's end: a real datagram socket.
final class NotificationReceiver: Sendable {
  let descriptor: CInt
  let address: String

  init(address: String) throws {
    self.address = address
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let status = sockaddr_un.with(path: address, abstract: true) { bind(descriptor, $0, $1) }
    try #require(status == 0)
  }

  deinit { close(descriptor) }

  /// The next datagram, or nil when none came within `patience`; waits on a thread of its own.
  func next(within patience: Duration = .seconds(10)) async -> String? {
    let milliseconds = patience.components.seconds * 1000 + patience.components.attoseconds / 1_000_000_000_000_000
    return await withCheckedContinuation { continuation in
      DispatchQueue(label: "notifications").async { [self] in
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(milliseconds)) == 1 else { return continuation.resume(returning: nil) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        continuation.resume(returning: count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self))
      }
    }
  }
}

@Suite("What the service manager hears")
struct ServiceManagerTests {
  let folder: TemporaryFolder
  let receiver: NotificationReceiver

  init() throws {
    folder = try TemporaryFolder()
    receiver = try NotificationReceiver(address: folder.file("notify"))
  }

  private func manager(_ more: [String: String] = [:]) -> ServiceManager {
    let environment = ["NOTIFY_SOCKET": receiver.address].merging(more) { $1 }
    return ServiceManager(environment: environment, logger: Logger(label: "test"))
  }

  @Test("ready, status and stopping arrive as sd_notify's datagrams")
  func states() async {
    let manager = manager()
    manager.status("loading weights")
    manager.ready(status: "6000 vectors on PoCL")
    manager.stopping()
    #expect(await receiver.next() == "STATUS=loading weights")
    #expect(await receiver.next() == "READY=1\nSTATUS=6000 vectors on PoCL")
    #expect(await receiver.next() == "STOPPING=1\nSTATUS=draining")
  }

  @Test("an abstract address is reached")
  func abstractAddress() async throws {
    let receiver = try NotificationReceiver(address: "@esvitd-test-\(getpid())")
    ServiceManager(environment: ["NOTIFY_SOCKET": receiver.address], logger: Logger(label: "test")).status("here")
    #expect(await receiver.next() == "STATUS=here")
  }

  @Test("a status with line breaks cannot add a line of its own")
  func noInjection() async {
    manager().status("a\nSTOPPING=1\r\nb")
    #expect(await receiver.next() == "STATUS=a STOPPING=1 b")
  }

  @Test("without a socket, with an unusable one or with a dead one nothing is sent and nothing fails")
  func nobodyThere() {
    for environment in [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "/nowhere/x"]] {
      ServiceManager(environment: environment, logger: Logger(label: "test")).ready(status: "")
    }
  }

  @Test("the watchdog's interval holds only where it is meant for this process")
  func interval() {
    #expect(manager(["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(30))
    #expect(manager(["WATCHDOG_USEC": "5", "WATCHDOG_PID": "\(getpid())"]).watchdogInterval == .microseconds(5))
    #expect(manager(["WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"]).watchdogInterval == nil)
    #expect(manager(["WATCHDOG_USEC": "soon"]).watchdogInterval == nil)
    #expect(manager(["WATCHDOG_USEC": "0"]).watchdogInterval == nil)
    #expect(manager().watchdogInterval == nil)
  }

  @Test("each beat follows a ping, at least once an interval, until cancelled")
  func beats() async throws {
    let manager = manager(["WATCHDOG_USEC": "100000"])
    let task = Task { try await manager.runWatchdog(ping: {}) }
    for _ in 0..<5 { #expect(await receiver.next() == "WATCHDOG=1") }
    task.cancel()
    try await task.value
  }

  @Test("a ping that hangs stops the beat")
  func hangingPing() async throws {
    let manager = manager(["WATCHDOG_USEC": "20000"])
    let (pings, gate) = AsyncStream.makeStream(of: Void.self)
    gate.yield()
    let task = Task {
      try await manager.runWatchdog(ping: { for await _ in pings { return } })
    }
    #expect(await receiver.next() == "WATCHDOG=1")
    #expect(await receiver.next(within: .milliseconds(200)) == nil)
    gate.yield()
    #expect(await receiver.next() == "WATCHDOG=1")
    task.cancel()
    gate.finish()
    try await task.value
  }

  @Test("a ping that throws ends the beat with its error")
  func failingPing() async {
    let manager = manager(["WATCHDOG_USEC": "20000"])
    await #expect(throws: ListeningSocketError.unknownGroup("lost")) {
      try await manager.runWatchdog(ping: { throw ListeningSocketError.unknownGroup("lost") })
    }
    #expect(await receiver.next(within: .milliseconds(1)) == nil)
  }

  @Test("a long step asks for time while it runs, up to its limit")
  func extendsTimeout() async throws {
    let manager = manager()
    // The step lasts until no message has come for three times as long as the messages are apart.
    let asked = try await manager.extendingTimeout(upTo: .milliseconds(500), step: .milliseconds(200)) { [receiver] in
      var messages: [String] = []
      var patience = Duration.seconds(10)
      while let message = await receiver.next(within: patience) {
        messages.append(message)
        patience = .milliseconds(600)
      }
      return messages
    }
    let prefix = "EXTEND_TIMEOUT_USEC="
    #expect(asked.allSatisfy { $0.hasPrefix(prefix) })
    // At 0, 200 and 400 ms, fewer where the machine is slow; a hair more where a sleep ends early.
    #expect((1...4).contains(asked.count))
    #expect(asked.allSatisfy { (1...400_000).contains(Int($0.dropFirst(prefix.count)) ?? -1) })
  }

  @Test("a step's error passes through")
  func stepFails() async {
    await #expect(throws: ListeningSocketError.unknownGroup("x")) {
      try await manager().extendingTimeout(upTo: .seconds(60)) { throw ListeningSocketError.unknownGroup("x") }
    }
  }
}
