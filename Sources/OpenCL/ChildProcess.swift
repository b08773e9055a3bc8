import COpenCL
import Foundation

/// A program run to its end, within a time, with the last of what it wrote.
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
    /// The last `outputLimit` bytes of its standard output.
    let output: String
    /// The last `outputLimit` bytes of its standard error.
    let errors: String
  }

  /// Bytes of each stream that are kept.
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
    let running = RunningChild()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: outcome(running)) }
      }
    } onCancel: {
      running.kill()
    }
    return try result.get()
  }

  private func outcome(_ running: RunningChild) -> Result<Outcome, OpenCLError> {
    Result { () throws(OpenCLError) in try wait(running) }
  }

  private func wait(_ running: RunningChild) throws(OpenCLError) -> Outcome {
    let input = try PipeEnds()
    let output = try PipeEnds()
    let errors = try PipeEnds()
    defer { for pipe in [input, output, errors] { pipe.close() } }
    let deadline = ContinuousClock.now + timeLimit
    let child = try spawn(input: input.reading, output: output.writing, errors: errors.writing)
    running.started(child)
    input.closeReading()
    output.closeWriting()
    errors.closeWriting()

    let streams = [output.reading, errors.reading]
    var texts: [[UInt8]] = [[], []]
    var timedOut = false
    // A grandchild may hold a pipe open, and a child may close it: neither its end nor silence is the child's end.
    while collect(&texts, from: streams, within: 20) || !hasEnded(child) {
      if !timedOut, ContinuousClock.now >= deadline {
        timedOut = true
        running.kill()
      }
    }
    running.ended()
    var status: Int32 = 0xFF00  // a failure, should another part of the process have taken the child's status
    waitpid(child, &status, 0)
    for _ in 0..<32 where !collect(&texts, from: streams, within: 0) { break }  // a pipe holds 16 pages
    let ending: Ending
    if timedOut {
      ending = .timedOut(timeLimit)
    } else if status & 0x7F == 0 {
      ending = .exited(status >> 8 & 0xFF)
    } else {
      ending = .killed(signal: status & 0x7F)
    }
    return Outcome(
      ending: ending, output: String(decoding: texts[0], as: UTF8.self),
      errors: String(decoding: texts[1], as: UTF8.self))
  }

  /// Whether the child is over; its identifier stays its own until `waitpid`.
  private func hasEnded(_ child: pid_t) -> Bool {
    var information = siginfo_t()
    let status = waitid(P_PID, id_t(child), &information, WEXITED | WNOHANG | WNOWAIT)
    return status != 0 ? errno != EINTR : information.si_signo != 0
  }

  /// Starts the child in a process group of its own, with default signals and no other open file.
  private func spawn(input: Int32, output: Int32, errors: Int32) throws(OpenCLError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
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

  /// Waits at most `milliseconds` for output and keeps the last of each stream; false where there was none.
  private func collect(_ texts: inout [[UInt8]], from streams: [Int32], within milliseconds: Int32) -> Bool {
    var events = streams.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    guard poll(&events, nfds_t(events.count), milliseconds) > 0 else { return false }
    var found = false
    var buffer = [UInt8](repeating: 0, count: 4096)
    for place in streams.indices where events[place].revents & Int16(POLLIN) != 0 {
      let count = read(streams[place], &buffer, buffer.count)
      guard count > 0 else { continue }
      found = true
      texts[place].append(contentsOf: buffer.prefix(count))
      if texts[place].count > Self.outputLimit { texts[place].removeFirst(texts[place].count - Self.outputLimit) }
    }
    // At the end of a stream `poll` returns at once: wait here for the child's own end.
    if !found, milliseconds > 0 { usleep(1000) }
    return found
  }
}
