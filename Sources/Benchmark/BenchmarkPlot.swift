/// The drawing of a report: its figures as bars, a colour for each device.
package struct BenchmarkPlot {
  private let report: BenchmarkReport

  package init(_ report: BenchmarkReport) { self.report = report }

  /// An SVG document.
  package var svg: String { chart.svg }

  var chart: BarChart {
    BarChart(
      title: "\(report.model.name), \(report.model.precision), on \(report.host.processor)",
      series: report.devices.map { "\($0.index): \($0.name), \($0.kind.rawValue)" },
      panels: [
        panel("Encode one image, milliseconds: median, line at p99", latency),
        panel("Encode, images a second", throughput),
        panel("One image by operators, milliseconds", operators),
        panel("JPEG to pixels on the device, milliseconds", pictures),
        panel("Exact search, GB of vectors a second: line at memory's reading speed", searches),
      ].filter { !$0.bars.isEmpty })
  }

  private typealias Bar = BarChart.Panel.Bar

  /// The devices' bars, those of the same label together.
  private func panel(_ title: String, _ bars: (BenchmarkReport.MeasuredDevice) -> [Bar]) -> BarChart.Panel {
    let all = report.devices.enumerated().flatMap { place, device in
      bars(device).map { bar in
        var bar = bar
        bar.series = place
        return bar
      }
    }
    var labels: [String] = []
    for bar in all where !labels.contains(bar.label) { labels.append(bar.label) }
    return BarChart.Panel(title: title, bars: labels.flatMap { label in all.filter { $0.label == label } })
  }

  private func latency(_ device: BenchmarkReport.MeasuredDevice) -> [Bar] {
    guard let latency = device.encoding?.latency else { return [] }
    return [Bar("1 image", latency.p50, Self.figure(latency.p50), limit: latency.p99)]
  }

  private func throughput(_ device: BenchmarkReport.MeasuredDevice) -> [Bar] {
    (device.encoding?.batches ?? []).map {
      Bar("\($0.images) at once", $0.imagesPerSecond, Self.figure($0.imagesPerSecond))
    }
  }

  private func operators(_ device: BenchmarkReport.MeasuredDevice) -> [Bar] {
    guard let split = device.operators else { return [] }
    // What is below half a per cent cannot be seen.
    let visible = split.operators.filter { $0.milliseconds * 200 >= split.milliseconds }
    return visible.map { part in
      var text = Self.figure(part.milliseconds)
      if let rate = part.gigaflops {
        text += ", \(Self.figure(rate)) GFLOP/s"
      } else if let rate = part.gigabytes {
        text += ", \(Self.figure(rate)) GB/s"
      }
      return Bar(part.name, part.milliseconds, text)
    } + [Bar("host and pauses", split.remainder, Self.figure(split.remainder))]
  }

  private func pictures(_ device: BenchmarkReport.MeasuredDevice) -> [Bar] {
    device.pictures.map { picture in
      let both = picture.decoding.p50 + picture.resizing.p50
      return Bar(
        "\(picture.side) × \(picture.side)", both,
        "\(Self.figure(both)), \(Self.figure(picture.decoding.p50)) to decode")
    }
  }

  private func searches(_ device: BenchmarkReport.MeasuredDevice) -> [Bar] {
    device.searches.flatMap { search in
      search.runs.map { run in
        Bar(
          "\(BenchmarkTable.grouped(search.vectors)) × \(search.dimension), \(run.queries) at once", run.gigabytes,
          "\(Self.figure(run.gigabytes)), \(Self.figure(run.latency.p50)) ms", limit: device.ceilings?.read)
      }
    }
  }

  private static func figure(_ value: Double) -> String { BenchmarkTable.figure(value) }
}

extension BarChart.Panel.Bar {
  fileprivate init(_ label: String, _ value: Double, _ text: String, limit: Double? = nil) {
    self.init(label: label, value: value, text: text, series: 0, limit: limit)
  }
}
