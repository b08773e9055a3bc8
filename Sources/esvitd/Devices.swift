import ArgumentParser
import EsViT
import Foundation
import OpenCL
import Operators

/// `esvitd devices`: what there is to run on, and what each device would run.
struct Devices: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the OpenCL devices and the kernels that each would run.",
    discussion: """
      INDEX or a part of a device's or platform's name is what --device takes elsewhere. The cache of compiled kernels \
      is $CACHE_DIRECTORY, else $XDG_CACHE_HOME/esvitd, else ~/.cache/esvitd.
      """)

  @Flag(help: "Print JSON.") var json = false

  @Flag(help: "Run every kernel at every layer's shape and compare with double precision.") var check = false

  @Option(help: "With --check, the one device to check; all by default.") var device: String?

  @Option(help: "With --check, the model whose shapes are run: a file, or random:swin-t-w7.") var model: String?

  func validate() throws {
    guard check || device == nil && model == nil else {
      throw ValidationError("--device and --model go with --check.")
    }
  }

  func run() async throws {
    let cache = try Drivers.prepare()
    // A driver that crashes takes a child with it and not this command.
    try await Rehearsal(in: cache, arguments: ["prebuild"], dependencies: []).run()
    let (devices, failures) = try await DeviceActor.run { () throws(OpenCLError) in try Device.inventory() }
    for failure in failures { FileHandle.standardError.write(Data("Warning: \(failure)\n".utf8)) }
    guard !devices.isEmpty else { throw OpenCLError.noDevice }
    if check {
      try await runChecks(on: device.map { [try Device.select($0)] } ?? devices)
    } else {
      let reports = devices.map(DeviceReport.init)
      print(json ? try text(reports) : DeviceReport.table(reports))
    }
  }

  /// Prints the table of errors; exits with 1 where an answer was wrong, although a portable kernel may stand in.
  private func runChecks(on devices: [Device]) async throws {
    let location = try model ?? Model.defaultLocation()
    let model = try Model.load(location)
    var reports: [DeviceCheckReport] = []
    for device in devices {
      do {
        let prepared = try await PreparedDevice.prepare("\(device.index)", for: model, at: location)
        let results = await DeviceActor.run {
          SelfCheck.run(
            prepared.context, variants: .preferred(for: device),
            shapes: OperatorShape.small + model.architecture.layerShapes(model.preprocessing))
        }
        reports.append(DeviceCheckReport(device, results: results, failure: nil))
      } catch {
        let results = (error as? SelfCheckError)?.results ?? []
        reports.append(DeviceCheckReport(device, results: results, failure: "\(error)"))
      }
    }
    print(json ? try text(reports) : reports.map(\.table).joined(separator: "\n\n"))
    if !reports.allSatisfy(\.passed) { throw ExitCode.failure }
  }

  private func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
