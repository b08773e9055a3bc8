import CVips

/// The library itself: started once, with nothing in reach but the four loaders.
enum Vips {
  /// Makes sure that libvips runs. Safe from any thread, any number of times.
  static func start() throws(ImageError) {
    guard started else { throw .unavailable(reason: "libvips would not start") }
  }

  private static let started = cvips_start() == 0

  /// Runs `body`, all of it on this thread, while no other thread is inside libvips.
  /// - Returns: its value, and what libvips had to say: one line of at most 200 characters.
  static func explaining<Value>(_ body: () -> Value) -> (value: Value, message: String) {
    cvips_begin_explaining()
    let value = body()
    guard let raw = cvips_end_explaining() else { return (value, noReason) }
    defer { cvips_free(raw) }
    return (value, oneLine(String(cString: raw)))
  }

  private static let noReason = "the decoder gives no reason"

  private static func oneLine(_ text: String) -> String {
    var lines: [Substring] = []
    for line in text.split(whereSeparator: \.isNewline).prefix(20) where !lines.contains(line) { lines.append(line) }
    let visible = lines.joined(separator: "; ").unicodeScalars.filter { $0.properties.generalCategory != .control }
    return visible.isEmpty ? noReason : String(String.UnicodeScalarView(visible.prefix(200)))
  }
}
