import Foundation
import Testing

@testable import esvit

@Suite("Text")
struct TextTests {
  @Test("control, bidirectional and invisible characters are made visible; other scripts stay as they are")
  func clean() {
    #expect(Text.clean("a\u{1B}[31mb\u{7}\u{0}\r\n\t") == "a\\u{1B}[31mb\\u{7}\\u{0}\\r\\n\\t")
    #expect(
      Text.clean("x\u{202E}y\u{2066}z\u{200B}\u{FEFF}\u{85}\u{2028}")
        == "x\\u{202E}y\\u{2066}z\\u{200B}\\u{FEFF}\\u{85}\\u{2028}")
    for text in ["plain", "日本語", "Gewebe-Größe µm", "👩‍🔬", "نسيج", "é"] { #expect(Text.clean(text) == text) }
  }

  @Test("widths are the terminal's columns")
  func widths() {
    let cases = [
      ("", 0), ("abc", 3), ("日本", 4), ("é", 1), ("e\u{301}", 1), ("👩‍🔬", 2), ("❤️", 2), ("한글", 4), ("ｆｕｌｌ", 8), ("–…µ", 3),
      ("🇨🇭", 2),
    ]
    for (text, width) in cases { #expect(Text.width(text) == width, "\(text)") }
  }

  @Test("shortened text fits, keeps both ends and never cuts a character in two")
  func shortened() {
    #expect(Text.shortened("healthy/image_1234.jpg", to: 12) == "health…4.jpg")
    for text in ["日本語日本語日本語", "abcdefghij", "👩‍🔬👩‍🔬👩‍🔬👩‍🔬👩‍🔬", "aé日👩‍🔬bé日👩‍🔬"] {
      for columns in 0...8 { #expect(Text.width(Text.shortened(text, to: columns)) <= columns) }
    }
    #expect(Text.shortened("short", to: 5) == "short")
  }

  @Test("numbers are written as C's printf writes them")
  func numbers() {
    for value in [0, 0.5, 0.98134, -0.00004, -0.99999, 1, 123.456, 0.1 + 0.2, 99_999.95, -1] {
      for decimals in 0...4 {
        let expected = String(format: "%.\(decimals)f", value)
        let unsigned = expected.allSatisfy { "-0.".contains($0) } ? expected.replacing("-", with: "") : expected
        #expect(Text.fixed(value, decimals) == unsigned, "\(value) \(decimals)")
      }
    }
    #expect(Text.fixed(.nan, 2) == "–")
    #expect(
      [0, 999, 1_000, 6_000, 1_234_567, -1_000].map(Text.grouped) == [
        "0", "999", "1,000", "6,000", "1,234,567", "-1,000",
      ])
    #expect([0, 1_023, 1_024, 6_291_456].map(Text.bytes) == ["0 B", "1023 B", "1.0 KiB", "6.0 MiB"])
    #expect(
      [0.42, 9.94, 12, 185, 7_800, 273_600].map(Text.duration)
        == ["0.42 s", "9.9 s", "12 s", "3 min 05 s", "2 h 10 min", "3 d 4 h"])
  }

  @Test("a table fits 80 columns, with wide characters and hostile labels in it")
  func table() {
    var table = Table([
      .init(title: "#", right: true), .init(title: "Id", flexible: true), .init(title: "Label", flexible: true),
      .init(title: "Empty", flexible: true), .init(title: "Score", right: true),
    ])
    table.add(["1", String(repeating: "日本語/", count: 30), "a\u{1B}[2J\nb", "", "0.9"])
    table.add(["10", "short", String(repeating: "x", count: 90), "", "-0.25"])
    let lines = table.lines(width: 80)
    #expect(lines.count == 3)
    for line in lines {
      #expect(Text.width(line) <= 80, "\(line)")
      #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
    }
    #expect(!lines[0].contains("Empty"))
    #expect(lines[0].hasPrefix(" #  Id") && lines[0].hasSuffix("Score"))
    #expect(lines[1].hasSuffix("  0.9") && lines[2].hasSuffix("-0.25"))
    #expect(lines[1].contains("a\\u{1B}[2J\\nb"))
  }

  @Test("the bar fits its width and tells rate and time left")
  func bar() {
    var bar = ProgressBar(total: 6_000, unit: "image", visible: false)
    bar.advance(by: 1_500)
    let line = bar.line(width: 79)
    #expect(Text.width(line) <= 79)
    #expect(line.contains("1,500/6,000 images") && line.contains("/s") && line.hasSuffix("left"))
    let filled = line.count { $0 == "█" }
    let empty = line.count { $0 == "·" }
    #expect(abs(Double(filled) / Double(filled + empty) - 0.25) < 0.05)
    var full = ProgressBar(total: 0, unit: "image", visible: false)
    full.advance(by: 0)
    #expect(Text.width(full.line(width: 79)) <= 79)
  }
}

@Suite("Image files")
struct ImageFilesTests {
  @Test("folders give their images sorted, below them too, without hidden files and linked folders")
  func folders() throws {
    let folder = try TemporaryFolder()
    for name in [
      "b/2.jpg", "b/10.TIF", "a/x.webp", "a/deep/y.png", ".h/z.jpg", "a/.z.jpg", "a/readme.md", "c.jpeg", "jpg",
    ] {
      try folder.write(name)
    }
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/loop", withDestinationPath: folder.path)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/d.jpg", withDestinationPath: folder.path + "/c.jpeg")
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/broken.jpg", withDestinationPath: "/nowhere")
    let files = try ImageFiles.expand([folder.path])
    #expect(files.map(\.name) == ["a/deep/y.png", "a/x.webp", "b/10.TIF", "b/2.jpg", "c.jpeg", "d.jpg"])
    #expect(files[0].path == folder.path + "/a/deep/y.png")
    #expect(files.map(\.folder)[0...3] == ["deep", "a", "b", "b"])
    #expect(files[4].folder == folder.url.lastPathComponent)
  }

  @Test("patterns are expanded here too, and a named file is taken whatever it is called")
  func patterns() throws {
    let folder = try TemporaryFolder()
    for name in ["a1.jpg", "a2.jpg", "b1.jpg", "plain"] { try folder.write(name) }
    #expect(
      try ImageFiles.expand([folder.path + "/a*.jpg"]).map(\.path) == ["a1", "a2"].map { "\(folder.path)/\($0).jpg" })
    #expect(try ImageFiles.expand([folder.path + "/plain"]).map(\.name) == [folder.path + "/plain"])
    #expect(throws: ClientError.self) { try ImageFiles.expand([folder.path + "/z*.jpg"]) }
    let empty = try TemporaryFolder()
    #expect(throws: ClientError.self) { try ImageFiles.expand([empty.path]) }
  }

  @Test("a regular expression gives its first group, or its whole match where it has none")
  func pattern() throws {
    let paths = ["x/TCGA-A6-2671/s1.png", "x/none.png"]
    #expect(try PathPattern("TCGA-(\\w\\w-\\w{4})", option: "o").values(in: paths) == ["A6-2671", nil])
    #expect(try PathPattern("s\\d", option: "o").values(in: paths) == ["s1", nil])
    #expect(throws: ClientError.self) { try PathPattern("(", option: "o") }
  }
}
