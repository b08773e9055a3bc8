import ArgumentParser
import Foundation
import OpenCL

/// `esvitd devices`: what there is to run on, and what each device would run.
struct Devices: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the OpenCL devices and what each would run.")

  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let cache = try Drivers.prepare()
    try await Rehearsal(in: cache, arguments: ["prebuild"], dependencies: []).run()
    let (devices, failures) = try await DeviceActor.run { () throws(OpenCLError) in try Device.inventory() }
    for failure in failures { FileHandle.standardError.write(Data("Warning: \(failure)\n".utf8)) }
    guard !devices.isEmpty else { throw OpenCLError.noDevice }
    let reports = devices.map(DeviceReport.init)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(reports), as: UTF8.self))
    } else {
      print(DeviceReport.table(reports))
    }
  }
}
