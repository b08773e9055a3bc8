import Testing

@testable import Wire

@Suite("Line framing")
struct LineFramingTests {
  private func lines(_ framing: inout LineFraming) -> [LineFraming.Event] {
    var events: [LineFraming.Event] = []
    while let event = framing.next() { events.append(event) }
    return events
  }

  @Test("lines come out whole, however the stream was cut", arguments: [1, 2, 3, 5, 7, 100])
  func cuts(_ step: Int) {
    let stream = Array("first\n\n  \r\nsecond line\nthird\r\nrest".utf8)
    var framing = LineFraming(limit: 16)
    var events: [LineFraming.Event] = []
    for start in stride(from: 0, to: stream.count, by: step) {
      framing.push(Array(stream[start..<min(start + step, stream.count)]))
      events += lines(&framing)
    }
    #expect(events == ["first", "second line", "third\r"].map { .line(Array($0.utf8)) })
    #expect(framing.held == 4)
    framing.push([0x0A])
    #expect(lines(&framing) == [.line(Array("rest".utf8))])
    #expect(framing.held == 0)
  }

  @Test("a line over the limit is told once, with and without its line feed, and nothing follows")
  func tooLong() {
    for text in ["123456789", "123456789\nnext\n"] {
      var framing = LineFraming(limit: 8)
      framing.push(Array("ok\n".utf8))
      framing.push(Array(text.utf8))
      #expect(lines(&framing) == [.line(Array("ok".utf8)), .tooLong])
      framing.push(Array("more\n".utf8))
      #expect(lines(&framing) == [])
      #expect(framing.held == 0)
    }
    var exact = LineFraming(limit: 8)
    exact.push(Array("12345678\n".utf8))
    #expect(lines(&exact) == [.line(Array("12345678".utf8))])
  }

  @Test("a line of 100 MB is refused when the limit is passed, without holding it")
  func hundredMegabytes() {
    var framing = LineFraming()
    let piece = [UInt8](repeating: 0x41, count: 1 << 20)
    var told = 0
    for _ in 0..<100 {
      framing.push(piece)
      while let event = framing.next() {
        #expect(event == .tooLong)
        told += 1
      }
      #expect(framing.held <= framing.limit + piece.count)
    }
    #expect(told == 1)
    #expect(framing.held == 0)
  }
}
