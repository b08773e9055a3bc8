import Foundation
import FoundationXML
import Testing

@testable import Benchmark

@Suite("A report is drawn")
struct BenchmarkPlotTests {
  /// What an XML parser finds in a document.
  private final class Reader: NSObject, XMLParserDelegate {
    var elements: [(name: String, attributes: [String: String])] = []
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) { elements.append((name, attributes)) }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }

    init(_ document: String) throws {
      super.init()
      let parser = XMLParser(data: Data(document.utf8))
      parser.delegate = self
      guard parser.parse() else { throw parser.parserError ?? CocoaError(.propertyListReadCorrupt) }
    }
  }

  private func report() throws -> BenchmarkReport {
    var gpu = try ReportFixture.device(1, .gpu, milliseconds: 2)
    gpu.name = "A & B <C>"
    return ReportFixture.report([try ReportFixture.device(0, .cpu, milliseconds: 50), gpu])
  }

  @Test("the drawing is well-formed XML that holds every figure, whatever the names")
  func wellFormed() throws {
    let reader = try Reader(BenchmarkPlot(try report()).svg)
    #expect(reader.elements.first?.name == "svg")
    for text in ["A & B <C>", "50.0", "2.00", "37.5, 150 GFLOP/s", "100,000 × 768, 64 at once", "4,000"] {
      #expect(reader.text.contains(text), "\(text)")
    }
  }

  @Test("bars are as long as their figures say, and nothing leaves the page")
  func geometry() throws {
    let reader = try Reader(BenchmarkPlot(try report()).svg)
    let page = try #require(reader.elements.first?.attributes["width"].flatMap(Double.init))
    let height = try #require(reader.elements.first?.attributes["height"].flatMap(Double.init))
    let boxes = try reader.elements.filter { $0.name == "rect" }.map { _, box in
      let numbers = try ["x", "y", "width", "height"].map { try #require(box[$0].flatMap(Double.init)) }
      return (kind: box["class"] ?? "", x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
    }
    #expect(boxes.allSatisfy { $0.x >= 0 && $0.x + $0.width <= page && $0.y >= 0 && $0.y + $0.height <= height })
    // The first bars behind the legend's two squares: 50 ms and 2 ms.
    let bars = boxes.filter { $0.kind == "s0" || $0.kind == "s1" }.dropFirst(2)
    let lengths = bars.prefix(2).map(\.width)
    #expect(abs(lengths[0] / lengths[1] - 25) < 0.5)
  }

  @Test("a report without figures is a drawing without panels")
  func empty() throws {
    var device = try ReportFixture.device(0, .cpu, milliseconds: 1)
    device.encoding = nil
    device.operators = nil
    device.pictures = []
    device.searches = []
    #expect(BenchmarkPlot(ReportFixture.report([device])).chart.panels.isEmpty)
    _ = try Reader(BenchmarkPlot(ReportFixture.report([device])).svg)
  }
}
