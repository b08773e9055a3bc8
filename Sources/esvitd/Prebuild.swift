import ArgumentParser
import Foundation
import OpenCL

/// `esvitd prebuild`: what a driver may crash at, done in a process that may die of it (`OpenCL.Rehearsal`).
struct Prebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compile and run every kernel once, for a parent process.", shouldDisplay: false)

  func run() async throws {
    Rehearsal.endWithParent()
    do {
      _ = try await DeviceActor.run { () throws(OpenCLError) in try Device.all() }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      throw ExitCode(Rehearsal.explainedFailure)
    }
  }
}
