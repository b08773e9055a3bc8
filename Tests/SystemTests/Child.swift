import Foundation
import Synchronization

/// How a process ended.
enum Ending: Equatable, Sendable {
  case exit(Int32)
  case signal(Int32)
}

/// Something did not happen in time; the message says what, and what the process had written by then.
struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// A process that a test started. It is killed when the test lets go of it, and dies with the test's process too.
final class Child: Sendable {
  let pid: pid_t
  private let folder: Folder

  private struct State {
    var ending: Ending?
    var waiters: [CheckedContinuation<Ending, Never>] = []
  }

  private let state: SharedState
  private final class SharedState: Sendable {
    let value = Mutex(State())
  }

  /// - Parameters:
  ///   - command: a program, looked up in PATH, and its arguments.
  ///   - environment: the whole environment of the process, save for PATH.
  ///   - inherited: a descriptor that the process finds as number 3.
  init(_ command: [String], environment: [String: String] = [:], inherited: CInt? = nil) throws {
    folder = try Folder()
    state = SharedState()
    let output = folder.file("stdout")
    let errors = folder.file("stderr")
    let started = Started()
    let shared = state
    // The kernel ends the process when the thread that started it ends: that thread waits for it, so neither is early.
    let arguments = ["setpriv", "--pdeathsig", "KILL", "--"] + command
    let variables = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"] + environment.map { "\($0)=\($1)" }
    Thread.detachNewThread {
      let (pid, code) = Self.spawn(arguments, variables, output: output, errors: errors, inherited: inherited)
      started.announce(pid, code)
      guard code == 0 else { return }
      var status: Int32 = 0
      while waitpid(pid, &status, 0) == -1, errno == EINTR {}
      let signal = status & 0x7f
      let ending = signal == 0 ? Ending.exit((status >> 8) & 0xff) : .signal(signal)
      let waiters = shared.value.withLock { state in
        state.ending = ending
        defer { state.waiters = [] }
        return state.waiters
      }
      waiters.forEach { $0.resume(returning: ending) }
    }
    let (pid, code) = started.wait()
    guard code == 0 else { throw TestFailure("cannot start \(command): errno \(code)") }
    self.pid = pid
  }

  deinit { send(SIGKILL) }

  /// What the process has written so far.
  var output: String { (try? String(contentsOfFile: folder.file("stdout"), encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOfFile: folder.file("stderr"), encoding: .utf8)) ?? "" }

  /// Nil while the process runs.
  var ending: Ending? { state.value.withLock { $0.ending } }

  /// Whether the process has opened a socket.
  var hasSocket: Bool {
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
    return descriptors.contains { descriptor in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(descriptor)")
      return target?.hasPrefix("socket:") == true
    }
  }

  func send(_ signal: Int32) {
    // Under the lock the process is not yet known to have ended, so its number is not another's.
    state.value.withLock { if $0.ending == nil { kill(pid, signal) } }
  }

  /// Waits for the end; after `patience` the process is killed and the wait has failed.
  func ended(within patience: Duration = .seconds(120)) async throws -> Ending {
    let late = Mutex(false)
    let alarm = Task {
      try await Task.sleep(for: patience)
      late.withLock { $0 = true }
      send(SIGKILL)
    }
    defer { alarm.cancel() }
    let ending = await withCheckedContinuation { continuation in
      let known = state.value.withLock { state in
        if state.ending == nil { state.waiters.append(continuation) }
        return state.ending
      }
      if let known { continuation.resume(returning: known) }
    }
    guard !late.withLock({ $0 }) else { throw TestFailure("still running after \(patience); it wrote:\n\(errors)") }
    return ending
  }

  private static func spawn(
    _ arguments: [String], _ environment: [String], output: String, errors: String, inherited: CInt?
  ) -> (pid_t, Int32) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
    if let inherited { posix_spawn_file_actions_adddup2(&actions, inherited, 3) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The test's process may ignore or block signals; its children shall not.
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, envp)
    return (pid, code)
  }

  /// Hands the process number from the thread that starts it to the one that asked.
  private final class Started: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let result = Mutex<(pid_t, Int32)>((0, 0))

    func announce(_ pid: pid_t, _ code: Int32) {
      result.withLock { $0 = (pid, code) }
      semaphore.signal()
    }

    func wait() -> (pid_t, Int32) {
      semaphore.wait()
      return result.withLock { $0 }
    }
  }
}
