import Foundation

/// Lines of cells of fixed widths, for terminals of 80 columns.
struct TextColumns {
  /// Characters a cell; negative: the text begins at the left.
  let widths: [Int]

  init(_ widths: [Int]) { self.widths = widths }

  /// The cells side by side, each cut to its width, with no blanks at the end.
  func line(_ cells: [String]) -> String {
    let padded = zip(cells, widths).map { cell, width in
      let text = cell.count > abs(width) ? "\(cell.prefix(abs(width) - 1))…" : cell
      let blanks = String(repeating: " ", count: abs(width) - text.count)
      return width < 0 ? text + blanks : blanks + text
    }
    let text = padded.joined(separator: " ")
    return String(text[..<(text.lastIndex { $0 != " " }.map(text.index(after:)) ?? text.startIndex)])
  }
}

/// `text` in lines of at most 80 columns, each behind `indent` blanks; its own line breaks hold.
func wrapped(_ text: String, indent: Int, width: Int = 80) -> [String] {
  let blanks = String(repeating: " ", count: indent)
  return text.split(separator: "\n").flatMap { paragraph in
    var lines: [String] = []
    var line = ""
    for word in paragraph.split(separator: " ") {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(blanks + line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [blanks + line]
  }
}

/// `21.2 GiB`, `512 KiB`.
func byteText(_ count: Int) -> String {
  for (unit, shift) in [("TiB", 40), ("GiB", 30)] where count >= 1 << shift {
    return String(format: "%.1f %@", Double(count) / Double(1 << shift), unit)
  }
  return count >= 1 << 20 ? "\(count >> 20) MiB" : "\(count >> 10) KiB"
}

/// `3.1e-07`
func scientific(_ value: Double) -> String { String(format: "%.1e", value) }
