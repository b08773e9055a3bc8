import ArgumentParser
import Benchmark
import EsViT
import Foundation
import OpenCL
import Operators

extension VectorFormat: ExpressibleByArgument {}

/// `esvitd bench`: how fast each device encodes and searches.
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast the devices encode and search.",
    discussion: """
      Encoding is timed from pixels in memory to the embedding in memory, one image at a time and eight; searching from \
      a query's embedding to the ids of its ten nearest, in a real archive in a temporary directory.
      """)

  @Option(help: "all, or a device as elsewhere (gpu, cpu, its index, a part of its name); may be given again.")
  var device: [String] = ["all"]

  @Option(help: "A model: a file, or random:swin-t-w7; the installed one by default.")
  var model: String?

  @Option(help: "How many vectors to search; 0 leaves the search out.")
  var count = 100_000

  @Option(help: "How the vectors lie on the device: f16 or f32.")
  var vectors = VectorFormat.f16

  @Option(help: "Seconds to spend on each of the four measurements.")
  var seconds = 10.0

  @Option(help: "Write the figures as JSON to this file; - prints them instead of the table.")
  var json: String?

  func validate() throws {
    guard 0...10_000_000 ~= count else { throw ValidationError("--count is 0 to 10000000.") }
    guard 0...3600 ~= seconds else { throw ValidationError("--seconds is 0 to 3600.") }
  }

  func run() async throws {
    let location = try model ?? Model.defaultLocation()
    var benchmark = Benchmark(model: try Model.load(location), location: location)
    benchmark.vectors = count
    benchmark.format = vectors
    benchmark.sampling.duration = .seconds(seconds)

    try await Rehearsal(in: Drivers.prepare(), arguments: ["prebuild"], dependencies: []).run()
    let report = await benchmark.run(on: try devices()) { step in
      if isatty(STDERR_FILENO) != 0 { FileHandle.standardError.write(Data("\(step)\n".utf8)) }
    }
    if json == "-" {
      print(String(decoding: try report.json(), as: UTF8.self), terminator: "")
    } else {
      print(BenchmarkTable(report))
      if let json { try report.json().write(to: URL(filePath: json), options: .atomic) }
    }
    if report.devices.contains(where: { $0.failure != nil }) { throw ExitCode.failure }
  }

  /// The devices named, each once, in the order of their indices.
  private func devices() throws -> [Device] {
    var chosen: [Int: Device] = [:]
    for selector in device {
      let found = selector.lowercased() == "all" ? try Device.all() : [try Device.select(selector)]
      for device in found { chosen[device.index] = device }
    }
    guard !chosen.isEmpty else { throw OpenCLError.noDevice }
    return chosen.values.sorted { $0.index < $1.index }
  }
}
