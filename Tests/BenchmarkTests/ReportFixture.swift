import Foundation
import OpenCL
import Testing

@testable import Benchmark

/// Reports with known figures.
enum ReportFixture {
  /// Every time is `milliseconds`, but for the operators': 3/4 of it is GEMM and 1/8 a copy.
  static func device(
    _ index: Int, _ kind: Device.Kind, milliseconds: Double, failure: String? = nil
  ) throws -> BenchmarkReport.MeasuredDevice {
    let times = try #require(Distribution(milliseconds: [milliseconds]))
    return BenchmarkReport.MeasuredDevice(
      index: index, name: String(repeating: "a very long name of a device ", count: 4), platform: "Platform",
      kind: kind, driver: "1.0", variants: ["gemm": "cpu"],
      ceilings: .init(gigaflops: 200, copy: 40, read: 30),
      encoding: .init(
        latency: times, batches: [.init(images: 8, latency: times), .init(images: 64, latency: times)]),
      operators: .init(
        milliseconds: milliseconds,
        operators: [
          .init(name: "gemm", launches: 52, milliseconds: milliseconds * 0.75, gigaflops: 150, gigabytes: 10),
          .init(name: "copy to the device", launches: 1, milliseconds: milliseconds / 8),
        ]),
      pictures: [.init(side: 512, bytes: 123_456, decoding: times, resizing: times)],
      searches: [
        .init(
          vectors: 100_000, dimension: 768, format: "f16", k: 10, bytes: 153_600_000,
          runs: [
            .init(queries: 1, latency: times, bytes: 153_600_000),
            .init(queries: 64, latency: times, bytes: 153_600_000),
          ]),
        .init(
          vectors: 1_000_000, dimension: 768, format: "f16", k: 10, bytes: 1_536_000_000,
          skipped: "needs 3441 MiB of memory, and 12 MiB are free"),
      ],
      failure: failure)
  }

  static func report(_ devices: [BenchmarkReport.MeasuredDevice]) -> BenchmarkReport {
    BenchmarkReport(
      date: Date(timeIntervalSince1970: 0), host: .init(processor: "Processor", cores: 2),
      model: .init(
        name: "swin-t-w7", fingerprint: "f", dimension: 768, parameters: 27_519_354, gigaflop: 8.74, precision: "f32"),
      devices: devices)
  }
}
