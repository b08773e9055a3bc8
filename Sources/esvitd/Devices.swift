import ArgumentParser
import Foundation
import OpenCL

/// `esvitd devices`: what there is to run on.
struct Devices: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the OpenCL devices and what each would run.")

  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let devices = try await DeviceActor.run { try Device.all() }
    for device in devices { print(device.index, device) }
  }
}
