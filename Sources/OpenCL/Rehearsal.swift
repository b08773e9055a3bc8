import Crypto
import Foundation
import Logging

/// What may end the process, done in a child process first.
///
/// A driver may crash where its platforms are listed, and its compiler may abort or exit the process that it works in.
/// So where the program, the drivers, the processor or what the caller names is new, this program is run once as a
/// child that does the same and may die of it. When it has succeeded, a stamp in the cache directory says so, and keeps
/// what the child found.
package struct Rehearsal: Sendable {
  /// The exit status by which a child says that its standard error ends with an error of our own, fit to be passed on.
  package static let explainedFailure: Int32 = 70  // EX_SOFTWARE of <sysexits.h>

  private let child: ChildProcess
  private let listing: [String]
  private let stamp: URL

  /// - Parameters:
  ///   - arguments: of this program, by which it does what is to be rehearsed.
  ///   - listing: of this program, by which it only lists the devices: a failure is then put down to one driver.
  ///   - dependencies: what the outcome depends on beside program, drivers and processor: device, model, settings.
  package init(
    in cache: CacheDirectory, arguments: [String], listing: [String] = ["prebuild"], dependencies: [String],
    timeLimit: Duration = .seconds(900)
  ) {
    self.init(
      in: cache, executable: "/proc/self/exe", arguments: arguments, listing: listing, dependencies: dependencies,
      timeLimit: timeLimit)
  }

  init(
    in cache: CacheDirectory, executable: String, arguments: [String], listing: [String], dependencies: [String],
    environment: [String: String?] = [:], timeLimit: Duration
  ) {
    self.listing = listing
    child = ChildProcess(
      executable: executable, arguments: arguments, environment: Self.withoutService.merging(environment) { $1 },
      timeLimit: timeLimit)
    let identity =
      [Self.identity(ofFile: executable), Processor.current.identity] + VendorFiles.current.identity + arguments
      + dependencies
    let digest = hexadecimal(SHA256.hash(data: Data(identity.joined(separator: "\0").utf8)))
    stamp = cache.stamps.appending(path: digest, directoryHint: .notDirectory)
  }

  /// What systemd tells the service itself is not for the child.
  private static let withoutService: [String: String?] = [
    "NOTIFY_SOCKET": nil, "WATCHDOG_PID": nil, "WATCHDOG_USEC": nil, "LISTEN_FDS": nil, "LISTEN_PID": nil,
    "LISTEN_FDNAMES": nil,
  ]

  /// Runs the child unless its success is known; to be awaited before this process's first OpenCL call.
  ///
  /// The stamp holds what the drivers say of their devices: where a driver was updated in place, the child runs again.
  ///
  /// - Returns: the last line that the child wrote to its standard output, this time or when it ran.
  /// - Throws: `OpenCLError` that says how the child died, what it said, and what to do.
  @discardableResult
  package func run(logger: Logger? = nil) async throws(OpenCLError) -> String {
    let known = (try? String(contentsOf: stamp, encoding: .utf8))?.split(
      separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    if let known, known.count == 2, try await Self.devices() == known[0] {
      try? FileManager.default.setAttributes(
        [.modificationDate: Date()], ofItemAtPath: stamp.path(percentEncoded: false))
      return String(known[1])
    }
    logger?.notice(
      "Trying the OpenCL driver and compiling all kernels in a child process; once for this program, driver and model")
    let outcome = try await child.run()
    guard outcome.ending == .exited(EXIT_SUCCESS) else { throw await error(outcome) }
    // Without a stamp the child runs again next time: slower, not wrong.
    let finding = String(outcome.output.split(separator: "\n").last ?? "")
    try? Data("\(try await Self.devices())\n\(finding)".utf8).write(to: stamp, options: .atomic)
    return finding
  }

  /// Called by the child: ends it at once when the parent, which holds its standard input, is gone.
  package static func endWithParent() {
    Thread.detachNewThread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || count < 0 && errno != EINTR { _exit(EXIT_FAILURE) }
      }
    }
  }

  private func error(_ outcome: ChildProcess.Outcome) async -> OpenCLError {
    let said = outcome.errors.trimmingCharacters(in: .whitespacesAndNewlines)
    if outcome.ending == .exited(Self.explainedFailure), !said.isEmpty { return OpenCLError(operation: said) }
    let lines = said.split(separator: "\n").suffix(12).joined(separator: "\n  ")
    let (sound, broken) = await driversOneByOne()
    let remedy: String
    if let driver = sound.first, !broken.isEmpty {
      remedy =
        "By itself \(broken.joined(separator: " and ")) fails: remove that driver, or leave it out by "
        + "OCL_ICD_VENDORS=\(driver)"
    } else {
      remedy = "Look for free disk space and memory, or choose another device by --device"
    }
    return OpenCLError(
      operation: "The OpenCL driver failed in a trial run: \(outcome.ending)",
      detail: (lines.isEmpty ? "it said nothing. " : "it said:\n  \(lines)\n") + remedy)
  }

  /// Which drivers survive being listed alone, and which do not, where there is more than one.
  private func driversOneByOne() async -> (sound: [String], broken: [String]) {
    let paths = VendorFiles.current.paths
    guard paths.count > 1 else { return ([], []) }
    var result: (sound: [String], broken: [String]) = ([], [])
    for path in paths {
      let trial = ChildProcess(
        executable: child.executable, arguments: listing,
        environment: child.environment.merging(["OCL_ICD_VENDORS": path]) { $1 }, timeLimit: .seconds(60))
      if let outcome = try? await trial.run(), outcome.ending == .exited(EXIT_SUCCESS) {
        result.sound.append(path)
      } else {
        result.broken.append(path)
      }
    }
    return result
  }

  /// SHA-256 of what every driver says of every device.
  private static func devices() async throws(OpenCLError) -> String {
    let devices = try await DeviceActor.run { () throws(OpenCLError) in try Device.all() }
    let text = devices.map {
      ([$0.platformName, $0.name, $0.vendor, $0.version, $0.driverVersion] + $0.extensions.sorted())
        .joined(separator: "\t")
    }.joined(separator: "\n")
    return hexadecimal(SHA256.hash(data: Data(text.utf8)))
  }

  /// Size and time of a program's file: new where it was built anew, and its kernels with it.
  private static func identity(ofFile path: String) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { return path }
    return "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec) \(status.st_ino)"
  }
}
