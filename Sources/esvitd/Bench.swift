import ArgumentParser
import Benchmark
import EsViT
import Foundation
import OpenCL
import Operators

extension VectorFormat: ExpressibleByArgument {}
extension Benchmark.Part: ExpressibleByArgument {}

/// `esvitd bench`: how fast each device encodes and searches, and where the time goes.
struct Bench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how fast the devices encode and search, and where the time goes.",
    discussion: """
      Encoding is timed from pixels in memory to the embedding in memory; each operator by the device's own clock, \
      beside the most that the device reaches; pictures from a JPEG file in memory to pixels on the device; searching \
      from a query's embedding to the ten nearest vectors in memory.
      """)

  @Option(help: "all, or a device as elsewhere (gpu, cpu, its index, a part of its name); may be given again.")
  var device: [String] = ["all"]

  @Option(help: "A model: a file, or random:swin-{t,s,b}-w{7,14}; the installed one by default.")
  var model: String?

  @Option(help: "The linear layers' number format: f32, bf16 or int8.")
  var precision = Precision.f32

  @Option(help: "What to measure; may be given again. All of it by default.")
  var only: [Benchmark.Part] = []

  @Option(help: "How many vectors to search; may be given again. 10,000, 100,000 and 1,000,000 by default.")
  var count: [Int] = []

  @Option(help: "How the vectors lie on the device: f16 or f32.")
  var vectors = VectorFormat.f16

  @Option(help: "Seconds to spend on each figure, at most; 200 runs are enough.")
  var seconds: Double?

  @Flag(help: "A second a figure, fewer batches and vectors: for a first look.")
  var quick = false

  @Option(help: "Write the figures as JSON to this file; - prints them instead of the table.")
  var json: String?

  @Option(help: "Draw the figures as SVG into this file.")
  var plot: String?

  @Flag(help: ArgumentHelp("Stay up and answer lines of standard input (scripts/bench-peers).", visibility: .hidden))
  var rounds = false

  func validate() throws {
    guard count.allSatisfy({ 1...100_000_000 ~= $0 }) else { throw ValidationError("--count is 1 to 100000000.") }
    guard seconds.map({ 0...3600 ~= $0 }) ?? true else { throw ValidationError("--seconds is 0 to 3600.") }
  }

  func run() async throws {
    let location = try model ?? Model.defaultLocation()
    var benchmark = Benchmark(model: try Model.load(location), location: location)
    if quick { benchmark.shorten() }
    if let seconds { benchmark.sampling.duration = .seconds(seconds) }
    if !only.isEmpty { benchmark.parts = Set(only) }
    if !count.isEmpty { benchmark.counts = count }
    benchmark.format = vectors
    benchmark.precision = precision

    try await Rehearsal(in: Drivers.prepare(), arguments: ["prebuild"], dependencies: []).run()
    if rounds { return try await answerLines(benchmark) }
    let report = await benchmark.run(on: try devices()) { step in
      if isatty(STDERR_FILENO) != 0 { FileHandle.standardError.write(Data("\(step)\n".utf8)) }
    }
    if json == "-" {
      print(String(decoding: try report.json(), as: UTF8.self), terminator: "")
    } else {
      print(BenchmarkTable(report))
      if let json { try report.json().write(to: URL(filePath: json), options: .atomic) }
    }
    if let plot { try Data(BenchmarkPlot(report).svg.utf8).write(to: URL(filePath: plot), options: .atomic) }
    if report.devices.contains(where: { $0.failure != nil }) { throw ExitCode.failure }
  }

  /// Measures what each line asks for, until the input ends.
  private func answerLines(_ benchmark: Benchmark) async throws {
    let rounds = try await BenchmarkRounds(benchmark, on: try devices()[0])
    func line() async -> String? {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: readLine()) }
      }
    }
    while let question = await line() {
      FileHandle.standardOutput.write(Data((await rounds.answer(question) + "\n").utf8))
    }
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
