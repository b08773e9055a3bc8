import ArgumentParser
import EsViT
import Foundation
import OpenCL
import Operators

extension Precision: ExpressibleByArgument {}

/// `esvitd prebuild`: what a driver may crash at, done in a process that may die of it (`PreparedDevice`).
struct Prebuild: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the devices, or compile, run and check every kernel of a model, for a parent process.",
    shouldDisplay: false)

  @Option(help: "The device to compile for; none: the devices are listed only.") var device: String?
  @Option(help: "The model whose kernels are compiled.") var model: String?
  @Option(help: "A precision of the linear layers to compile for; may be given again.") var precision: [Precision] = []

  func run() async throws {
    Rehearsal.endWithParent()
    do {
      if let device {
        let model = try Model.load(model ?? Model.defaultLocation())
        print(
          try await PreparedDevice.rehearse(
            device, for: model, precisions: precision.isEmpty ? [.f32] : precision))
      } else {
        print(try await DeviceActor.run { () throws(OpenCLError) in try Device.all().count })
      }
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      throw ExitCode(Rehearsal.explainedFailure)
    }
  }
}
