import Foundation

/// Panels of horizontal bars as an SVG drawing that follows the reader's light or dark setting. The colours are Okabe and
/// Ito's, which the colour-blind tell apart, and every bar has its figure beside it.
struct BarChart: Sendable {
  /// A question, and its answers.
  struct Panel {
    struct Bar {
      var label: String
      var value: Double
      /// Written at the bar's end.
      var text: String
      /// Which device it is of.
      var series: Int
      /// The most that the value could be, marked by a line.
      var limit: Double?
    }

    var title: String
    var bars: [Bar]
  }

  let title: String
  /// Names of the devices, one a colour.
  let series: [String]
  let panels: [Panel]

  /// The drawing as an SVG document.
  var svg: String {
    let (width, left, right, row) = (760.0, 250.0, 190.0, 22.0)
    var body = [Self.text(title, x: 16, y: 30, "title")]
    var y = 48.0
    for (place, name) in series.enumerated() {
      body.append(Self.rectangle(x: 16, y: y, width: 12, height: 12, Self.colour(place)))
      body.append(Self.text(name, x: 34, y: y + 10.5, ""))
      y += 20
    }
    for panel in panels {
      y += 28
      body.append(Self.text(panel.title, x: 16, y: y, "panel"))
      y += 10
      let most = panel.bars.map { max($0.value, $0.limit ?? 0) }.reduce(0, max)
      let scale = most > 0 ? (width - left - right) / most : 0
      for bar in panel.bars {
        let length = max(1, bar.value * scale)
        body.append(Self.text(bar.label, x: left - 8, y: y + 15, "label"))
        body.append(Self.rectangle(x: left, y: y + 3, width: length, height: row - 6, Self.colour(bar.series)))
        if let limit = bar.limit {
          body.append(Self.rectangle(x: left + limit * scale - 1, y: y, width: 2, height: row, "limit"))
        }
        let end = left + max(length, (bar.limit ?? 0) * scale)
        body.append(Self.text(bar.text, x: end + 8, y: y + 15, ""))
        y += row
      }
      body.append(
        Self.rectangle(
          x: left - 1, y: y - Double(panel.bars.count) * row, width: 1,
          height: Double(panel.bars.count) * row, "axis"))
    }
    let height = y + 20
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
      width="\(Self.number(width))" height="\(Self.number(height))" role="img">
      <title>\(Self.escaped(title))</title>
      <style>
      svg { background: #fff; color: #1a1a1a; font: 13px system-ui, sans-serif }
      text { fill: currentColor } .title { font-size: 17px; font-weight: 600 } .panel { font-weight: 600 }
      .label { text-anchor: end } .axis, .limit { fill: currentColor } .axis { opacity: .4 }
      .s0 { fill: #0072b2 } .s1 { fill: #e69f00 } .s2 { fill: #009e73 } .s3 { fill: #cc79a7 }
      @media (prefers-color-scheme: dark) {
      svg { background: #16181c; color: #e8e8e8 }
      .s0 { fill: #56b4e9 } .s1 { fill: #e69f00 } .s2 { fill: #2bc79a } .s3 { fill: #e29cc4 }
      }
      </style>
      \(body.joined(separator: "\n"))
      </svg>

      """
  }

  private static func text(_ text: String, x: Double, y: Double, _ kind: String) -> String {
    #"<text class="\#(kind)" x="\#(number(x))" y="\#(number(y))">\#(escaped(text))</text>"#
  }

  private static func rectangle(x: Double, y: Double, width: Double, height: Double, _ kind: String) -> String {
    #"<rect class="\#(kind)" x="\#(number(x))" y="\#(number(y))" width="\#(number(width))" height="\#(number(height))"/>"#
  }

  private static func colour(_ series: Int) -> String { "s\(series % 4)" }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}
