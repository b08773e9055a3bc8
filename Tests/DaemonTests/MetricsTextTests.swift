import Testing

@testable import Daemon

@Suite struct MetricsTextTests {
  @Test("a family has HELP and TYPE once, before its samples; labels and help are escaped")
  func exposition() {
    var text = MetricsText()
    text.gauge("a", "Back\\slash\nand line.", [(["l": "q\"b\\n\n", "k": "1"], 0.5), ([:], 3)])
    text.counter("b_total", "B.", .infinity)
    #expect(
      text.text == """
        # HELP a Back\\\\slash\\nand line.
        # TYPE a gauge
        a{k="1",l="q\\"b\\\\n\\n"} 0.5
        a 3
        # HELP b_total B.
        # TYPE b_total counter
        b_total +Inf

        """)
  }

  @Test("a summary has quantiles, sum and count; without observations the quantiles are NaN")
  func summary() {
    let statistics = Statistics()
    for milliseconds in 1...100 { statistics.record(.decode, .milliseconds(milliseconds)) }
    var text = MetricsText()
    text.summaries("s", "S.", [(["stage": "decode"], statistics.snapshot.stages[.decode] ?? .init()), ([:], .init())])
    let lines = text.text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "# HELP s S.")
    #expect(lines[1] == "# TYPE s summary")
    #expect(lines[5] == "s_sum{stage=\"decode\"} 5.05" || lines[5].hasPrefix("s_sum{stage=\"decode\"} 5.0"))
    #expect(lines[6] == "s_count{stage=\"decode\"} 100")
    #expect(lines[7] == "s{quantile=\"0.5\"} NaN")
    #expect(lines.last == "s_count 0")
    let median = Double(lines[2].split(separator: " ")[1]) ?? 0
    #expect(abs(median - 0.05) < 0.001)
  }
}
