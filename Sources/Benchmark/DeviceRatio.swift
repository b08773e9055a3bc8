/// How many times as fast the GPU is as the CPU.
package struct DeviceRatio: Sendable, Equatable, Codable {
  package struct Search: Sendable, Equatable, Codable {
    package var vectors: Int
    package var queries: Int
    package var ratio: Double
  }

  package var gpu: Int
  package var cpu: Int
  /// One image.
  package var latency: Double
  /// Each at its best batch.
  package var imagesPerSecond: Double
  /// What both measured.
  package var searches: [Search]
}

extension BenchmarkReport {
  /// The first GPU beside the first CPU; nil where one of them was not measured.
  package var ratio: DeviceRatio? {
    let measured = devices.filter { $0.encoding != nil }
    guard let gpu = measured.first(where: { $0.kind == .gpu }), let cpu = measured.first(where: { $0.kind == .cpu }),
      let fast = gpu.encoding, let slow = cpu.encoding
    else { return nil }
    let searches = gpu.searches.flatMap { search in
      search.runs.compactMap { run -> DeviceRatio.Search? in
        let other = cpu.searches.first { $0.vectors == search.vectors }?.runs.first { $0.queries == run.queries }
        guard let other else { return nil }
        return .init(
          vectors: search.vectors, queries: run.queries, ratio: other.latency.p50 / run.latency.p50)
      }
    }
    return DeviceRatio(
      gpu: gpu.index, cpu: cpu.index, latency: slow.latency.p50 / fast.latency.p50,
      imagesPerSecond: fast.imagesPerSecond / slow.imagesPerSecond, searches: searches)
  }
}
