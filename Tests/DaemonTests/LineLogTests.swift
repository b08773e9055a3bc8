import Logging
import Synchronization
import Testing

@testable import Daemon

@Suite struct LineLogTests {
  /// Collects lines.
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
    func logger(forJournal: Bool, label: String = "esvitd") -> Logger {
      Logger(label: label) { label in
        LineLog(label: label, level: .debug, forJournal: forJournal) { line in self.all.withLock { $0.append(line) } }
      }
    }
  }

  @Test("under the journal a line starts with its priority and holds message and fields")
  func journal() {
    let lines = Lines()
    let logger = lines.logger(forJournal: true)
    logger.info("connection opened", metadata: ["uid": "1000", "what": "two words"])
    logger.critical("device lost")
    logger.trace("not written")
    #expect(
      lines.all.withLock { $0 } == [
        "<6>connection opened uid=1000 what=\"two words\"\n", "<2>device lost\n",
      ])
  }

  @Test("elsewhere a line starts with time and level")
  func person() throws {
    let lines = Lines()
    lines.logger(forJournal: false, label: "store").warning("slow")
    let line = try #require(lines.all.withLock { $0.first })
    #expect(line.hasSuffix(" warning store: slow\n"))
    #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warning store: slow\n/) != nil)
  }

  @Test("text of a client cannot start a line, colour a terminal or turn the text's direction")
  func escaping() {
    let lines = Lines()
    lines.logger(forJournal: true).info("a\n<0>forged\u{1b}[31m\u{202e}", metadata: ["x": "b\r\u{85}\u{2028}"])
    #expect(
      lines.all.withLock { $0 } == [
        "<6>a\\u{a}<0>forged\\u{1b}[31m\\u{202e} x=b\\u{d}\\u{85}\\u{2028}\n"
      ])
  }
}
