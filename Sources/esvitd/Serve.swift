import ArgumentParser
import Daemon
import Foundation
import Logging

/// `esvitd serve`: the daemon.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Listen on a socket and answer requests.",
    discussion: """
      A flag beats the environment (--batch-wait is ESVIT_BATCH_WAIT), which beats the settings file; `esvitd config` \
      shows what holds. SIGTERM lets the daemon answer what is in hand and end.
      """)

  @OptionGroup var options: SettingsOptions

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let settings: Settings
    let unknownVariables: [String]
    do {
      (settings, _, unknownVariables) = try options.read()
    } catch let error as SettingsError {
      FileHandle.standardError.write(Data("esvitd: \(error)\n".utf8))
      throw ExitCode(78)  // EX_CONFIG: starting again will not help
    }
    LineLog.bootstrap(level: settings.logLevel.level, environment: environment)
    let logger = Logger(label: "esvitd")
    for name in unknownVariables {
      logger.warning(
        "an environment variable is named like a setting, but there is none", metadata: ["name": "\(name)"])
    }
    do {
      try await Daemon.serve(settings, environment: environment, logger: logger)
    } catch {
      logger.critical("\(error)")
      throw ExitCode.failure
    }
  }
}
