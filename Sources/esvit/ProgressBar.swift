import Glibc

/// A bar on standard error with rate and time left; silent where standard error is no terminal.
struct ProgressBar {
  private let total: Int
  private let plural: String
  private let visible: Bool
  private let start = ProgressBar.now()
  private var drawn = 0.0
  private var done = 0

  init(total: Int, unit: String, plural: String? = nil, visible: Bool = isatty(STDERR_FILENO) == 1) {
    self.total = total
    self.plural = plural ?? unit + "s"
    self.visible = visible
    if visible {
      // Ctrl-C leaves the bar's line before the shell's prompt comes; what was acknowledged stays stored.
      signal(SIGINT) { number in
        _ = write(STDERR_FILENO, "\n", 1)
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  /// Seconds of a clock that only goes forward.
  static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  var seconds: Double { Self.now() - start }
  /// Things done a second since the start.
  var rate: Double { seconds > 0 ? Double(done) / seconds : 0 }

  mutating func advance(by count: Int) {
    done += count
    guard visible else { return }
    let now = Self.now()
    guard now - drawn > 0.1 || done == total else { return }
    drawn = now
    Output.standardError("\r\u{1B}[K" + line(width: 79))
  }

  /// Takes the bar off the screen.
  func finish() { if visible { Output.standardError("\r\u{1B}[K") } }

  /// The bar in at most `width` columns.
  func line(width: Int) -> String {
    let share = total > 0 ? min(Double(done) / Double(total), 1) : 1
    let left = rate > 0 ? Text.duration(Double(total - done) / rate) : "–"
    let figures =
      " \(Text.grouped(done))/\(Text.grouped(total)) \(plural)  \(Text.fixed(rate, rate < 10 ? 1 : 0))/s  \(left) left"
    let room = max(width - Text.width(figures) - 2, 4)
    let filled = Int(share * Double(room))
    let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: room - filled)
    return "▕" + bar + "▏" + figures
  }
}
