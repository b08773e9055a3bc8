import Foundation
import OpenCL
import Testing

@testable import Benchmark

@Suite("What was measured is reported")
struct BenchmarkReportTests {
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
    let cpu = try ReportFixture.device(0, .cpu, milliseconds: 50)
    let gpu = try ReportFixture.device(1, .gpu, milliseconds: 2)
    let ratio = try #require(ReportFixture.report([cpu, gpu]).ratio)
    #expect(ratio.gpu == 1 && ratio.cpu == 0)
    #expect(ratio.latency == 25 && ratio.imagesPerSecond == 25)
    #expect(ratio.searches.map(\.ratio) == [25, 25])
    #expect(ratio.searches.map(\.vectors) == [100_000, 100_000], "what only was skipped has no ratio")
    #expect(ReportFixture.report([cpu]).ratio == nil)
    #expect(ReportFixture.report([gpu]).ratio == nil)
    var broken = gpu
    broken.encoding = nil
    #expect(ReportFixture.report([cpu, broken]).ratio == nil)
  }

  @Test("the table fits 80 columns and holds every figure and failure")
  func table() throws {
    let text = BenchmarkTable(
      ReportFixture.report([
        try ReportFixture.device(0, .cpu, milliseconds: 51.2),
        try ReportFixture.device(1, .gpu, milliseconds: 0.823, failure: "why"),
      ])
    ).description
    for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    for part in [
      "27,519,354", "8.74 GFLOP", "At most 200 GFLOP/s, copies 40.0 GB/s, reads 30.0 GB/s", "51.2", "0.82",
      "1,250", "100,000", "62.2×", "Failed: why", "gemm (52)", "38.4", "75 %", "25 %", "skipped, needs 3441 MiB",
    ] {
      #expect(text.contains(part), "\(part) in\n\(text)")
    }
  }

  @Test("rates follow from the median time")
  func rates() throws {
    let device = try ReportFixture.device(0, .cpu, milliseconds: 50)
    let encoding = try #require(device.encoding)
    #expect(encoding.batches.map(\.imagesPerSecond) == [160, 1280])
    #expect(encoding.imagesPerSecond == 1280)
    #expect(device.operators?.remainder == 6.25)
    // 153.6 MB in 50 ms are 3.072 GB/s.
    #expect(abs(device.searches[0].runs[0].gigabytes - 3.072) < 1e-12)
    #expect(device.searches[0].runs[1].queriesPerSecond == 1280)
  }

  @Test("the JSON holds the same values under stable names")
  func json() throws {
    let report = ReportFixture.report([
      try ReportFixture.device(0, .cpu, milliseconds: 50), try ReportFixture.device(1, .gpu, milliseconds: 2),
    ])
    let object = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    #expect(Set(object.keys) == ["date", "devices", "host", "model", "ratio"])
    let device = try #require((object["devices"] as? [[String: Any]])?.first)
    #expect(
      Set(device.keys) == [
        "ceilings", "driver", "encoding", "index", "kind", "name", "operators", "pictures", "platform", "searches",
        "variants",
      ])
    let encoding = try #require(device["encoding"] as? [String: Any])
    let batch = try #require((encoding["batches"] as? [[String: Any]])?.first)
    #expect(batch["images_per_second"] as? Double == 160)
    #expect((encoding["latency"] as? [String: Any])?["p50"] as? Double == 50)
    let split = try #require(device["operators"] as? [String: Any])
    #expect((split["operators"] as? [[String: Any]])?.first?["gigaflops"] as? Double == 150)
    let search = try #require((device["searches"] as? [[String: Any]])?.first)
    let run = try #require((search["runs"] as? [[String: Any]])?.first)
    #expect(run["queries_per_second"] as? Double == 20 && run["gigabytes"] as? Double != nil)
    #expect((object["ratio"] as? [String: Any])?["images_per_second"] as? Double == 25)
  }

  @Test("a sampling does at least, enough and at most as many runs as it says")
  func sampling() {
    var sampling = Sampling()
    sampling.duration = .zero
    var runs = 0
    let times = sampling.times { runs += 1 }
    #expect(times.count == sampling.atLeast)
    let expected = sampling.atLeast + sampling.warmUps
    #expect(runs == expected)
    sampling.duration = .seconds(600)
    sampling.settled = .zero
    #expect(sampling.times {}.count == 200)
    sampling.settled = .seconds(600)
    sampling.atMost = 50
    #expect(sampling.times {}.count == 50)
  }
}
