import EsViT
import Foundation
import OpenCL
import Operators
import Retrieval

/// The questions of `esvitd bench`: how fast does each device encode and search, and where does the time go?
package struct Benchmark: Sendable {
  /// What is measured.
  package enum Part: String, Sendable, CaseIterable {
    /// Images a second, and the latency of one.
    case encode
    /// The time of one image, operator by operator.
    case operators
    /// From JPEG files to pixels that are ready on the device.
    case images
    /// Exact k-NN.
    case search
  }

  package var model: Model
  /// From where the model was loaded, for the child process that compiles the kernels first.
  package var location: String
  package var parts = Set(Part.allCases)
  /// Of the linear layers.
  package var precision = Precision.f32
  package var sampling = Sampling()
  /// Images a call, beside one.
  package var batches = [8, 32, 64]
  /// Vectors to search among.
  package var counts = [10_000, 100_000, 1_000_000]
  package var format = VectorFormat.f16
  /// Bytes read and copied to find the memory's speed: far more than the caches hold.
  var ceilingBytes = 256 << 20

  package init(model: Model, location: String) {
    self.model = model
    self.location = location
  }

  /// Less of everything, for a first look.
  package mutating func shorten() {
    sampling.duration = .seconds(1)
    batches = [8]
    counts = [10_000, 100_000]
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
        parameters: model.architecture.parameterCount,
        gigaflop: NetworkWork(model.architecture, model.preprocessing).operations / 1e9,
        precision: precision.rawValue),
      devices: measured)
  }

  private func run(on device: Device, progress: (String) -> Void) async -> BenchmarkReport.MeasuredDevice {
    var report = BenchmarkReport.MeasuredDevice(device)
    do {
      progress("\(device): compiling")
      let prepared = try await PreparedDevice.prepare(
        "\(device.index)", for: model, at: location, precisions: [precision])
      report.variants = Dictionary(
        uniqueKeysWithValues: OperatorKind.allCases.map { ($0.rawValue, prepared.variants[$0].rawValue) })
      try await measure(prepared, into: &report) { progress("\(device): \($0)") }
    } catch {
      report.failure = "\(error)"
    }
    return report
  }

  /// Whatever fails, what was measured before it stays in the report.
  func measure(
    _ device: PreparedDevice, into report: inout BenchmarkReport.MeasuredDevice, progress: (String) -> Void = { _ in }
  ) async throws {
    if !parts.isDisjoint(with: [.operators, .search]) {
      progress("measuring its ceilings")
      let ceilings = CeilingBenchmark(sampling: sampling, bytes: ceilingBytes)
      report.ceilings = try await DeviceActor.run { try ceilings.run(on: device, precision: precision) }
    }
    if parts.contains(.encode) {
      progress("encoding")
      report.encoding = try await EncodingBenchmark(
        model: model, precision: precision, sampling: sampling, batches: batches
      ).run(on: device)
    }
    if parts.contains(.operators) {
      progress("encoding, operator by operator")
      report.operators = try await OperatorBenchmark(model: model, precision: precision, sampling: sampling)
        .run(on: device)
    }
    if parts.contains(.images) {
      progress("decoding and resizing")
      report.pictures = try await ImageBenchmark(model: model, sampling: sampling).run(on: device)
    }
    if parts.contains(.search) {
      for count in counts {
        progress("searching \(count) vectors")
        report.searches.append(
          try await SearchBenchmark(
            dimension: model.architecture.dimension, sampling: sampling, vectors: count, format: format
          ).run(on: device))
      }
    }
  }
}
