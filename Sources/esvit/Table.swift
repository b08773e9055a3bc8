/// Rows in aligned columns that fit the terminal: where they are too wide, the widest flexible columns give way.
struct Table {
  struct Column {
    var title: String
    /// Numbers stand right.
    var right = false
    /// Whether the column may be shortened.
    var flexible = false
  }

  let columns: [Column]
  private var rows: [[String]] = []
  private static let gap = 2
  private static let narrowest = 6

  init(_ columns: [Column]) { self.columns = columns }

  /// Appends a row; a value that came from outside is cleaned here, so that no caller can forget it.
  mutating func add(_ values: [String]) { rows.append(values.map(Text.clean)) }

  var isEmpty: Bool { rows.isEmpty }

  /// The table's lines, none longer than `width` columns unless its rigid columns alone are.
  func lines(width: Int = Output.width) -> [String] {
    // A column that is empty everywhere says nothing.
    let shown = columns.indices.filter { index in rows.isEmpty || rows.contains { !$0[index].isEmpty } }
    var widths = shown.map { index in
      rows.reduce(Text.width(columns[index].title)) { max($0, Text.width($1[index])) }
    }
    shrink(&widths, shown, to: width)
    let titles = line(shown.map { columns[$0].title }, widths, shown)
    return [titles] + rows.map { row in line(shown.map { row[$0] }, widths, shown) }
  }

  private func shrink(_ widths: inout [Int], _ shown: [Int], to width: Int) {
    let gaps = Self.gap * max(0, shown.count - 1)
    var excess = widths.reduce(gaps, +) - width
    while excess > 0 {
      let candidates = widths.indices.filter { columns[shown[$0]].flexible && widths[$0] > Self.narrowest }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
      widths[widest] -= 1
      excess -= 1
    }
  }

  private func line(_ values: [String], _ widths: [Int], _ shown: [Int]) -> String {
    var text = ""
    for (place, value) in values.enumerated() {
      let short = Text.shortened(value, to: widths[place])
      let space = String(repeating: " ", count: max(0, widths[place] - Text.width(short)))
      if place > 0 { text += String(repeating: " ", count: Self.gap) }
      text += columns[shown[place]].right ? space + short : short + space
    }
    while text.last == " " { text.removeLast() }
    return text
  }

  func print() { Output.line(lines().joined(separator: "\n")) }
}

/// Names and values, the values below each other.
struct Facts {
  private var pairs: [(String, String)] = []

  mutating func add(_ name: String, _ value: String?) {
    if let value, !value.isEmpty { pairs.append((name, Text.clean(value))) }
  }

  func print() {
    let widest = pairs.map { Text.width($0.0) }.max() ?? 0
    for (name, value) in pairs {
      let space = String(repeating: " ", count: widest - Text.width(name) + 2)
      Output.line(name + space + Text.shortened(value, to: max(Output.width - widest - 2, 20)))
    }
  }
}
