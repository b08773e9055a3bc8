import COpenCL
import Foundation
import Synchronization

/// A program run to its end, within a time, with the last of what it wrote to its standard error.
///
/// The child's standard input is a pipe that nothing is written to: it ends when this process does, however that
/// happens, so that a child who reads it can end with its parent (`Rehearsal.endWithParent`).
struct ChildProcess: Sendable {
  /// How it ended.
  enum Ending: Hashable, Sendable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)
    case timedOut(Duration)

    var description: String {
      switch self {
      case .exited(let code): "it exited with status \(code)"
      case .killed(let signal): "it was killed by signal \(signal) (\(String(cString: strsignal(signal))))"
      case .timedOut(let limit): "it was still running after \(limit.components.seconds) s"
      }
    }
  }

  struct Outcome: Hashable, Sendable {
    let ending: Ending
    /// The last `outputLimit` bytes of its standard error.
    let output: String
  }

  /// Bytes of standard error that are kept.
  static let outputLimit = 16 << 10

  let executable: String
  let arguments: [String]
  /// Variables set, or with nil removed, on top of this process's environment.
  var environment: [String: String?] = [:]
  let timeLimit: Duration

  /// Runs it on a thread of its own; cancelling the task kills the child.
  ///
  /// - Throws: `OpenCLError` where it cannot be started.
  func run() async throws(OpenCLError) -> Outcome {
    let running = Running()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: outcome(running)) }
      }
    } onCancel: {
      running.kill()
    }
    return try result.get()
  }

  private func outcome(_ running: Running) -> Result<Outcome, OpenCLError> {
    Result { () throws(OpenCLError) in try wait(running) }
  }

  private func wait(_ running: Running) throws(OpenCLError) -> Outcome {
    let input = try Pipe()
    let errors = try Pipe()
    let deadline = ContinuousClock.now + timeLimit
    let child = try spawn(input: input.reading, errors: errors.writing)
    running.started(child)
    input.closeReading()
    errors.closeWriting()

    var output: [UInt8] = []
    var status: Int32 = 0
    var timedOut = false
    // A grandchild may hold the pipe open, and a child may close it: neither its end nor silence is the child's end.
    while collect(&output, from: errors.reading, within: 20) || waitpid(child, &status, WNOHANG) == 0 {
      if !timedOut, ContinuousClock.now >= deadline {
        timedOut = true
        running.kill()
      }
    }
    running.ended()
    for _ in 0..<16 where !collect(&output, from: errors.reading, within: 0) { break }  // a pipe holds 16 pages
    let ending: Ending
    if timedOut {
      ending = .timedOut(timeLimit)
    } else if status & 0x7F == 0 {
      ending = .exited(status >> 8 & 0xFF)
    } else {
      ending = .killed(signal: status & 0x7F)
    }
    return Outcome(ending: ending, output: String(decoding: output, as: UTF8.self))
  }

  /// Starts the child in a process group of its own, with default signals and no other open file.
  private func spawn(input: Int32, errors: Int32) throws(OpenCLError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    var argv = ([executable] + arguments).map { strdup($0) } + [nil]
    var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, executable, &actions, &attributes, &argv, &envp)
    guard status == 0 else {
      throw OpenCLError(operation: "Cannot start \(executable)", detail: String(cString: strerror(status)))
    }
    return child
  }

  /// Waits at most `milliseconds` for output and keeps the last of it; false where there was none.
  private func collect(_ output: inout [UInt8], from descriptor: Int32, within milliseconds: Int32) -> Bool {
    var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&events, 1, milliseconds) > 0, events.revents & Int16(POLLIN) != 0 else {
      // At the end of the stream `poll` returns at once: wait here for the child's own end.
      if milliseconds > 0, events.revents != 0 { usleep(1000) }
      return false
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return false }
    output.append(contentsOf: buffer.prefix(count))
    if output.count > Self.outputLimit { output.removeFirst(output.count - Self.outputLimit) }
    return true
  }
}

/// The child that can be killed from another thread, as long as its identifier is its own.
private final class Running: Sendable {
  private enum State { case waiting, running(pid_t), cancelled, ended }
  private let state = Mutex(State.waiting)

  func started(_ child: pid_t) {
    state.withLock { state in
      if case .cancelled = state { Glibc.kill(-child, SIGKILL) }
      state = .running(child)
    }
  }

  func ended() { state.withLock { $0 = .ended } }

  func kill() {
    state.withLock { state in
      switch state {
      case .waiting: state = .cancelled
      case .running(let child): Glibc.kill(-child, SIGKILL)
      case .cancelled, .ended: break
      }
    }
  }
}

/// Both ends of a pipe, closed at the end of its life, and not passed to other children.
private final class Pipe {
  private(set) var reading: Int32
  private(set) var writing: Int32

  init() throws(OpenCLError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw OpenCLError(operation: "Opening a pipe", detail: systemError()) }
    reading = ends[0]
    writing = ends[1]
  }

  func closeReading() {
    if reading >= 0 { close(reading) }
    reading = -1
  }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  deinit {
    if reading >= 0 { close(reading) }
    if writing >= 0 { close(writing) }
  }
}
