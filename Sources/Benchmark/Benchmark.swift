import EsViT
import Foundation
import OpenCL
import Operators
import Retrieval

/// The questions of `esvitd bench`: how fast does each device encode and search?
package struct Benchmark: Sendable {
  package var model: Model
  /// From where the model was loaded, for the child process that compiles the kernels first.
  package var location: String
  package var sampling = Sampling()
  /// Vectors to search; 0 leaves the search out.
  package var vectors = 100_000
  package var format = VectorFormat.f16

  package init(model: Model, location: String) {
    self.model = model
    self.location = location
  }

  /// Measures the devices one after the other; one that fails is reported with its reason.
  ///
  /// - Parameter progress: told what is done next.
  package func run(on devices: [Device], progress: (String) -> Void = { _ in }) async -> BenchmarkReport {
    var measured: [BenchmarkReport.MeasuredDevice] = []
    for device in devices { measured.append(await run(on: device, progress: progress)) }
    return BenchmarkReport(
      date: Date(),
      host: .init(processor: Processor.current.name, cores: ProcessInfo.processInfo.activeProcessorCount),
      model: .init(
        name: model.name, fingerprint: model.fingerprint, dimension: model.architecture.dimension,
        parameters: model.architecture.parameterCount),
      devices: measured)
  }

  private func run(on device: Device, progress: (String) -> Void) async -> BenchmarkReport.MeasuredDevice {
    var report = BenchmarkReport.MeasuredDevice(
      index: device.index, name: device.name, platform: device.platformName, kind: device.kind,
      driver: device.driverVersion, variants: [:])
    do {
      progress("\(device): compiling")
      let prepared = try await PreparedDevice.prepare("\(device.index)", for: model, at: location)
      report.variants = Dictionary(
        uniqueKeysWithValues: OperatorKind.allCases.map { ($0.rawValue, prepared.variants[$0].rawValue) })
      progress("\(device): encoding")
      report.encoding = try await EncodingBenchmark(model: model, sampling: sampling).run(on: prepared)
      if vectors > 0 {
        progress("\(device): searching \(vectors) vectors")
        report.search = try await SearchBenchmark(
          model: model, sampling: sampling, vectors: vectors, format: format
        ).run(on: prepared)
      }
    } catch {
      report.failure = "\(error)"
    }
    return report
  }
}
