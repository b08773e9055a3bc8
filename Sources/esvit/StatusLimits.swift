import Wire

/// The limits of a `status`, with their units; those that the daemon does not tell are left out.
struct StatusLimits {
  private let limits: JSONValue

  init(_ limits: JSONValue?) { self.limits = limits ?? .null }

  /// What a request, a search, an image and an item may weigh; without those that belong to a number of the status.
  var lines: [(name: String, value: String)] {
    let lines: [(name: String, parts: [String?])] = [
      ("Request limits", [text("line") { "\($0) a line" }, text("items") { "\($0) items" }]),
      (
        "Search limits",
        [text("k") { "k \($0)" }, text("page") { "\($0) a page" }, text("filter_values") { "\($0) a filter's field" }]
      ),
      (
        "Image limits",
        [text("inline_file") { "\($0) inline" }, text("path_file") { "\($0) by path" }, text("pixels") { $0 }]
      ),
      (
        "Item limits",
        [
          text("dimension") { "\($0) numbers" }, text("text") { "\($0) a text" },
          text("metadata") { "\($0) of metadata" },
        ]
      ),
    ]
    return lines.map { line in (line.name, line.parts.compactMap { $0 }.joined(separator: ", ")) }
  }

  /// " of 256", to stand behind a number that the limit is for.
  func most(_ name: String) -> String { text(name) { " of \($0)" } ?? "" }

  private func text(_ name: String, _ phrase: (String) -> String) -> String? {
    limits[name]?.integer.map { phrase(Self.measured($0, name)) }
  }

  private static func measured(_ value: Int, _ name: String) -> String {
    switch name {
    case "line", "inline_file", "path_file", "text", "metadata", "in_hand": Text.bytes(value)
    case "pixels" where value % 1_000_000 == 0: "\(Text.grouped(value / 1_000_000)) megapixels"
    case "pixels": Text.count(value, "pixel")
    default: Text.grouped(value)
    }
  }
}
