import Foundation
import OpenCL
import Testing

@testable import Benchmark

@Suite("What was measured is reported")
struct BenchmarkReportTests {
  private static func device(
    _ index: Int, _ kind: Device.Kind, milliseconds: Double, failure: String? = nil
  ) throws -> BenchmarkReport.MeasuredDevice {
    let times = try #require(Distribution(milliseconds: [milliseconds]))
    return BenchmarkReport.MeasuredDevice(
      index: index, name: String(repeating: "a very long name of a device ", count: 4), platform: "Platform",
      kind: kind, driver: "1.0", variants: ["gemm": "cpu"],
      encoding: .init(latency: times, batch: 8, imagesPerSecond: 8000 / milliseconds),
      search: .init(
        vectors: 100_000, format: "f16", k: 10, latency: times, batch: 64, queriesPerSecond: 64_000 / milliseconds),
      failure: failure)
  }

  private static func report(_ devices: [BenchmarkReport.MeasuredDevice]) -> BenchmarkReport {
    BenchmarkReport(
      date: Date(timeIntervalSince1970: 0), host: .init(processor: "Processor", cores: 2),
      model: .init(name: "swin-t-w7", fingerprint: "f", dimension: 768, parameters: 27_519_354), devices: devices)
  }

  @Test("percentiles are measured times, by nearest rank")
  func percentiles() throws {
    let hundred = try #require(Distribution(milliseconds: (1...100).map(Double.init).shuffled()))
    #expect([hundred.minimum, hundred.p50, hundred.p90, hundred.p99] == [1, 50, 90, 99])
    #expect(hundred.samples == 100)
    let three = try #require(Distribution(milliseconds: [3, 1, 2]))
    #expect([three.minimum, three.p50, three.p90, three.p99] == [1, 2, 3, 3])
    let one = try #require(Distribution(milliseconds: [7]))
    #expect([one.minimum, one.p50, one.p99] == [7, 7, 7])
    #expect(Distribution(milliseconds: []) == nil)
  }

  @Test("the ratio says how many times as fast the GPU is, and is absent without both")
  func ratio() throws {
    let cpu = try Self.device(0, .cpu, milliseconds: 50)
    let gpu = try Self.device(1, .gpu, milliseconds: 2)
    let ratio = try #require(Self.report([cpu, gpu]).ratio)
    #expect(ratio.gpu == 1 && ratio.cpu == 0)
    #expect(ratio.latency == 25 && ratio.imagesPerSecond == 25 && ratio.search == 25)
    #expect(Self.report([cpu]).ratio == nil)
    #expect(Self.report([gpu]).ratio == nil)
    var broken = gpu
    broken.encoding = nil
    #expect(Self.report([cpu, broken]).ratio == nil)
  }

  @Test("the table fits 80 columns and holds every figure and failure")
  func table() throws {
    let text = BenchmarkTable(
      Self.report([
        try Self.device(0, .cpu, milliseconds: 51.26), try Self.device(1, .gpu, milliseconds: 0.823, failure: "why"),
      ])
    ).description
    for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    for part in ["27,519,354", "51.3", "0.82", "156", "1,249", "100,000", "62.3×", "Failed: why"] {
      #expect(text.contains(part), "\(part) in\n\(text)")
    }
  }

  @Test("the JSON holds the same values under stable names")
  func json() throws {
    let report = Self.report([
      try Self.device(0, .cpu, milliseconds: 50), try Self.device(1, .gpu, milliseconds: 2),
    ])
    let object = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    #expect(Set(object.keys) == ["date", "devices", "host", "model", "ratio"])
    let devices = try #require(object["devices"] as? [[String: Any]])
    let encoding = try #require(devices[0]["encoding"] as? [String: Any])
    #expect(encoding["images_per_second"] as? Double == 160)
    #expect((encoding["latency"] as? [String: Any])?["p50"] as? Double == 50)
    #expect((object["ratio"] as? [String: Any])?["images_per_second"] as? Double == 25)
  }

  @Test("a sampling does at least and at most as many runs as it says")
  func sampling() {
    var sampling = Sampling()
    sampling.duration = .zero
    var runs = 0
    let times = sampling.times { runs += 1 }
    #expect(times.count == sampling.atLeast)
    let expected = sampling.atLeast + sampling.warmUps
    #expect(runs == expected)
    sampling.duration = .seconds(600)
    sampling.atMost = 50
    let many = sampling.times {}
    #expect(many.count == 50)
  }
}
