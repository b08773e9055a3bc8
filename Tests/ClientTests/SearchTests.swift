import Foundation
import Testing

@testable import esvit

@Suite("esvit search")
struct SearchTests {
  private static let neighbours = #"""
    {"neighbours":[{"id":"t-0042","score":0.98134,"label":"healthy","slide":"S-7"},{"id":"t-7","score":-0.5,"label":"日本語"}]}
    """#

  private func params(_ line: String?) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(#require(line).utf8)) as? [String: Any]
    return try #require(object?["params"] as? [String: Any])
  }

  @Test("one image is one line with the file in base64 and every option by its protocol name")
  func wire() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let file = try folder.write("tile.jpg", bytes)
    let daemon = try FakeDaemon { _ in
      [.result(#"{"results":[\#(Self.neighbours)],"searched":6000,"unattributed":12}"#)]
    }
    defer { daemon.stop() }
    let client = try Client([
      "search", "colorectal", file, "-k", "7", "--filter", "label=a", "--filter", "label=b", "--filter",
      "metadata.grade=2",
      "--exclude", "site=lung", "--exclude-same", "patient", "--distinct", "slide", "--patient", "P-1", "--region",
      "1,2,3,4@1",
      "--include", "metadata", "--socket", daemon.path,
    ])
    #expect(client.status == 0, "\(client.error)")
    #expect(daemon.received.count == 1)
    let sent = try params(daemon.received.first)
    #expect(
      Set(sent.keys) == ["collection", "queries", "k", "filter", "exclude", "exclude_same", "distinct", "include"])
    #expect(sent["collection"] as? String == "colorectal" && sent["k"] as? Int == 7)
    let filter = try #require(sent["filter"] as? [String: Any])
    #expect(filter["label"] as? [String] == ["a", "b"])
    #expect((filter["metadata"] as? [String: Any])?["grade"] as? Int == 2)
    #expect((sent["exclude"] as? [String: Any])?["site"] as? String == "lung")
    #expect(sent["exclude_same"] as? String == "patient" && sent["distinct"] as? String == "slide")
    #expect(sent["include"] as? [String] == ["metadata"])
    let query = try #require((sent["queries"] as? [[String: Any]])?.first)
    #expect(query["patient"] as? String == "P-1")
    let image = try #require(query["image"] as? [String: Any])
    #expect(image["data"] as? String == Data(bytes).base64EncodedString())
    #expect(image["region"] as? [String: Int] == ["x": 1, "y": 2, "width": 3, "height": 4, "level": 1])
    let lines = client.output.split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "#    Score  Id      Label    Slide", "1   0.9813  t-0042  healthy  S-7", "2  -0.5000  t-7     日本語",
        "6,000 items compared, 12 of them without a patient",
      ])
  }

  @Test("--by-path sends the absolute path")
  func byPath() throws {
    let folder = try TemporaryFolder()
    try folder.write("a b.jpg")
    let daemon = try FakeDaemon { _ in [.result(#"{"results":[{"neighbours":[]}],"searched":0,"unattributed":0}"#)] }
    defer { daemon.stop() }
    let client = try Client(["search", "c", "a b.jpg", "--by-path", "--socket", daemon.path], in: folder.url)
    #expect(client.output == "No neighbour.\n0 items compared\n")
    let query = try #require((params(daemon.received.first)["queries"] as? [[String: Any]])?.first)
    let path = try #require((query["image"] as? [String: Any])?["path"] as? String)
    #expect(path.hasPrefix("/") && path.hasSuffix("/a b.jpg"))
  }

  @Test("--json gives the daemon's members, also those this client does not know, and each query's name")
  func json() throws {
    let daemon = try FakeDaemon { _ in
      [
        .result(
          #"{"results":[{"neighbours":[{"id":"a","score":0.5,"novelty":{"x":1}}]},"#
            + #"{"error":{"code":-32003,"message":"unknown id","data":{"name":"not_found"}}}],"searched":2,"unattributed":0}"#
        )
      ]
    }
    defer { daemon.stop() }
    let client = try Client(["search", "c", "--id", "q", "--id", "gone", "--json", "--socket", daemon.path])
    #expect(client.status == 1)
    #expect(client.error == "esvit: 1 of 2 searches failed\n")
    #expect(
      client.output
        == #"{"results":[{"query":"q","neighbours":[{"id":"a","score":0.5,"novelty":{"x":1}}]},"#
        + #"{"query":"gone","error":{"code":-32003,"message":"unknown id","data":{"name":"not_found"}}}],"searched":2,"unattributed":0}"#
        + "\n")
  }

  @Test("a file that is not there ends the command before the daemon is asked; one that cannot be read fails alone")
  func files() throws {
    let folder = try TemporaryFolder()
    let daemon = try FakeDaemon { _ in [.result(#"{"results":[{"neighbours":[]}],"searched":0,"unattributed":0}"#)] }
    defer { daemon.stop() }
    let missing = try Client(["search", "c", folder.path + "/none.jpg", "--socket", daemon.path])
    #expect(missing.status == 1 && missing.error.contains("none.jpg: no such file"))
    #expect(daemon.received.isEmpty)
    let good = try folder.write("a.jpg")
    #expect(mkfifo(folder.path + "/b.jpg", 0o600) == 0)
    let mixed = try Client(["search", "c", good, "/dev/null", "--socket", daemon.path])
    #expect(mixed.status == 1)
    #expect(mixed.error.contains("/dev/null: ") && mixed.error.contains("not a regular file"))
  }

  // MARK: The page

  private func page(_ script: @escaping @Sendable (Received) -> [Reply], _ arguments: [String]) throws -> (
    Client, String
  ) {
    let folder = try TemporaryFolder()
    let daemon = try FakeDaemon(script)
    defer { daemon.stop() }
    let html = folder.path + "/page.html"
    let client = try Client(["search", "c"] + arguments + ["--html", html, "--socket", daemon.path])
    return (client, try String(contentsOfFile: html, encoding: .utf8))
  }

  @Test("hostile values cannot leave their place in the page")
  func escaping() throws {
    let attack = #"\"><script>alert(1)</script><img src=x onerror='x'>&amp;\u202e"#
    let thumbnail = Data([0xFF, 0xD8, 0xFF, 1]).base64EncodedString()
    let values =
      #""id":"\#(attack)","label":"\#(attack)","slide":"\#(attack)","patient":"\#(attack)","source":"\#(attack)""#
    let (client, page) = try page(
      { received in
        if received.method == "get" { return [.result(#"{"items":[{"id":"q","thumbnail":"PHN2Zz4="}]}"#)] }
        let neighbour = #"{\#(values),"score":0.5,"thumbnail":"\#(thumbnail)"}"#
        return [.result(#"{"results":[{"neighbours":[\#(neighbour)]}],"searched":1,"unattributed":0}"#)]
      }, ["--id", "<b>&\"q'"])
    #expect(client.status == 0, "\(client.error)")
    #expect(
      !page.contains("<script") && !page.contains("onerror='") && !page.contains("<b>&") && !page.contains("\u{202E}"))
    #expect(
      page.contains(
        "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;x&#39;&gt;&amp;amp;\\u{202E}"))
    #expect(page.contains("&lt;b&gt;&amp;&quot;q&#39;"))
    #expect(page.contains("src=\"data:image/jpeg;base64,\(thumbnail)\""))
    #expect(page.contains("default-src 'none'"))
    // The stored thumbnail of the query is no picture that browsers show: it is not embedded.
    #expect(!page.contains("PHN2Zz4=") && page.contains("a format that browsers do not show"))
    // Tags are balanced, whatever the values held.
    for tag in ["main", "section", "li", "ol", "dl", "h1", "h2", "footer"] {
      let opened = page.ranges(of: "<\(tag)>").count + page.ranges(of: "<\(tag) ").count
      #expect(opened == page.ranges(of: "</\(tag)>").count && opened > 0, "\(tag)")
    }
  }

  @Test("nothing in the page points outside it, and pictures have descriptions")
  func selfContained() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("tile.png", [0x89, 0x50, 0x4E, 0x47, 0x0D])
    let (_, page) = try page(
      { _ in [.result(#"{"results":[\#(Self.neighbours)],"searched":6000,"unattributed":0}"#)] }, [file])
    #expect(
      !page.contains("http://") && !page.contains("https://") && !page.contains("@import") && !page.contains("url("))
    for match in page.matches(of: /<img [^>]*>/) {
      #expect(match.output.contains("alt=\"") && match.output.contains("src=\"data:image/"))
    }
    #expect(page.contains("alt=\"Query 1: tile.png\"") && page.contains("data:image/png;base64,iVBORw0="))
    #expect(page.contains("aria-label=\"Neighbour 1, healthy, slide S-7, score 0.981\""))
    #expect(
      page.contains("lang=\"en\"") && page.contains("prefers-color-scheme: dark") && page.contains("@media print"))
    #expect(page.contains("name=\"viewport\""))
  }

  @Test("interpolated text is escaped by its type, markup is not")
  func htmlType() {
    let text = "<a & 'b' \"c\">"
    let inner: HTML = "<i>\(text)</i>"
    let outer: HTML = "<p title=\"\(text)\">\(inner)\([inner, inner])\(3)</p>"
    let escaped = "&lt;a &amp; &#39;b&#39; &quot;c&quot;&gt;"
    #expect(outer.markup == "<p title=\"\(escaped)\"><i>\(escaped)</i><i>\(escaped)</i><i>\(escaped)</i>3</p>")
  }
}
