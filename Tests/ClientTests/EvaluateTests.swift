import Foundation
import Testing

@testable import Wire
@testable import esvit

@Suite("esvit evaluate")
struct EvaluateTests {
  /// Eight stored items on a circle, one number each; the score is the cosine of the angle between them.
  private struct Stored { let id, label, patient: String; let angle: Double }
  private static let stored = [
    Stored(id: "a0", label: "a", patient: "P1", angle: 0.0), Stored(id: "a1", label: "a", patient: "P1", angle: 0.1),
    Stored(id: "b0", label: "b", patient: "P2", angle: 0.15), Stored(id: "a2", label: "a", patient: "P3", angle: 0.3),
    Stored(id: "b1", label: "b", patient: "P2", angle: 1.0), Stored(id: "b2", label: "b", patient: "P4", angle: 1.1),
    Stored(id: "a3", label: "a", patient: "P3", angle: 1.25), Stored(id: "b3", label: "b", patient: "P4", angle: 1.4),
  ]

  private static func nearest(_ angle: Double, not id: String?, _ k: Int) -> [Stored] {
    Array(stored.filter { $0.id != id }.sorted { abs($0.angle - angle) < abs($1.angle - angle) }.prefix(k))
  }

  /// A small true archive: the image files of these tests hold their angle in hundredths as one byte.
  private func daemon() throws -> FakeDaemon {
    try FakeDaemon { received in
      func json(_ one: Stored) -> String { #""id":"\#(one.id)","label":"\#(one.label)","patient":"\#(one.patient)""# }
      switch received.method {
      case "list": return [.result("{\"items\":[\(Self.stored.map { "{\(json($0))}" }.joined(separator: ","))]}")]
      case "get": return [.result(#"{"items":[{"id":"x"}]}"#)]
      case "search":
        let k = received.params["k"] as? Int ?? 0
        let places = (received.params["queries"] as? [[String: Any]] ?? []).map { query -> String in
          let id = query["id"] as? String
          let data = ((query["image"] as? [String: Any])?["data"] as? String).flatMap { Data(base64Encoded: $0) }
          let angle = Self.stored.first { $0.id == id }?.angle ?? Double(data?.first ?? 0) / 100
          let found = Self.nearest(angle, not: id, k).map { "{\(json($0)),\"score\":\(cos($0.angle - angle))}" }
          return "{\"neighbours\":[\(found.joined(separator: ","))]}"
        }
        return [.result("{\"results\":[\(places.joined(separator: ","))],\"searched\":8,\"unattributed\":0}")]
      default: return [.error(-32601, "method_not_found", received.method)]
      }
    }
  }

  /// The three averages and P@k of one query, by their definitions, written apart from the code under test.
  private func scores(_ label: String, _ neighbours: [Stored], _ k: Int, relevant: Int) -> [Double] {
    var sum = 0.0
    var hits = 0
    for (rank, one) in neighbours.prefix(k).enumerated() where one.label == label {
      hits += 1
      sum += Double(hits) / Double(rank + 1)
    }
    return [sum / Double(max(hits, 1)), sum / Double(k), sum / Double(min(k, relevant)), Double(hits) / Double(k)]
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("leave-one-out equals the definitions, with each item's own class less one to find")
  func leaveOneOut() throws {
    let daemon = try daemon()
    defer { daemon.stop() }
    let client = try Client(["evaluate", "c", "--leave-one-out", "-k", "3", "--json", "--socket", daemon.path])
    #expect(client.status == 0, "\(client.error)")
    let report = try json(client.output)
    let each = Self.stored.map { scores($0.label, Self.nearest($0.angle, not: $0.id, 3), 3, relevant: 3) }
    for (place, key) in ["mAP@3", "mAP@3_over_k", "mAP@3_over_min_k_relevant", "P@3"].enumerated() {
      let expected = each.map { $0[place] }.reduce(0, +) / 8
      #expect(abs((report[key] as? Double ?? .nan) - expected) < 1e-12, "\(key)")
      let interval = try #require((report["intervals"] as? [String: Any])?[key] as? [Double])
      #expect(interval.count == 2 && interval[0] <= expected && expected <= interval[1])
      let ofA = zip(Self.stored, each).filter { $0.0.label == "a" }.map { $0.1[place] }.reduce(0, +) / 4
      let classes = report["classes"] as? [String: [String: Any]]
      #expect(abs((classes?["a"]?[key] as? Double ?? .nan) - ofA) < 1e-12)
      #expect((report["definitions"] as? [String: String])?[key]?.isEmpty == false)
    }
    // Nearest neighbours by hand: a0→a1, a1→b0, b0→a1, a2→b0, b1→b2, b2→b1, a3→b2 or b3, b3→a3.
    #expect(report["vote@1"] as? Double == 3.0 / 8)
    let confusion = try #require(report["confusion"] as? [String: Any])
    #expect(confusion["counts"] as? [[Int]] == [[1, 3, 0], [2, 2, 0]])
    #expect((report["bootstrap"] as? [String: Any])?["by"] as? String == "patient")
    #expect(report["queries"] as? Int == 8)
  }

  @Test(
    "a folder's images ask with their folders' labels; the page shows the worst first, with the neighbours' verdicts")
  func folder() throws {
    let folder = try TemporaryFolder()
    try folder.write("q/a/good.jpg", [5])
    try folder.write("q/a/bad.jpg", [110])
    try folder.write("q/b/one.jpg", [120])
    let daemon = try daemon()
    defer { daemon.stop() }
    let arguments = ["evaluate", "c", "q", "-k", "3", "--html", "page.html", "--worst", "2", "--socket", daemon.path]
    let client = try Client(arguments, in: folder.url)
    #expect(client.status == 0, "\(client.error)")
    #expect(client.output.hasPrefix("3 queries against 8 items of c; bootstrap by query\n"))
    for line in client.output.split(separator: "\n") { #expect(Text.width(String(line)) <= 80, "\(line)") }
    let each = [("a", 0.05), ("a", 1.1), ("b", 1.2)].map {
      scores($0.0, Self.nearest($0.1, not: nil, 3), 3, relevant: 4)
    }
    let mean = each.map { $0[0] }.reduce(0, +) / 3
    #expect(client.output.contains("mAP@3           \(String(format: "%.4f", mean))  "))
    let page = try String(contentsOf: folder.url.appending(path: "page.html"), encoding: .utf8)
    #expect(page.contains("The 2 worst queries"))
    let bad = try #require(page.range(of: "bad.<wbr>jpg<wbr></h2>"))
    let next = try #require(page.range(of: "one.<wbr>jpg<wbr></h2>"))
    #expect(bad.lowerBound < next.lowerBound && !page.contains("good."))
    #expect(page.contains("label same\">✓&nbsp;b") && page.contains("label other\">✗&nbsp;b"))
    #expect(page.contains("1 of 3 share the label"))
    // Votes look at five neighbours although k is three.
    #expect(daemon.received.filter { $0.contains("\"search\"") }.allSatisfy { $0.contains("\"k\":5") })
  }

  @Test("how many relevant items there are to find equals a count by hand, whatever is left out")
  func relevant() {
    let labels: [String?] = ["a", "a", "a", "b", "b", "a", nil, "a", "b", "a"]
    let patients: [String?] = ["p", "p", "q", "q", nil, nil, "p", "r", "r", "q"]
    let slides: [String?] = ["1", "2", "3", "3", "4", "5", "1", nil, "6", "7"]
    let items = labels.indices.map {
      StoredItem(id: "\($0)", label: labels[$0], slide: slides[$0], patient: patients[$0])
    }
    for exclude in [nil, SameField.patient, .slide] {
      for distinct in [nil, CaseField.slide, .patient] {
        var gallery = Gallery(excludeSame: exclude, distinct: distinct)
        for item in items { gallery.add(item) }
        for query in items.indices + [-1] {
          let id = query < 0 ? nil : "\(query)"
          let fields = PathFieldOptions.Values(
            slide: query < 0 ? "3" : slides[query], patient: query < 0 ? "q" : patients[query])
          for label in ["a", "b", "c"] {
            var cases: Set<String> = []
            for index in items.indices where index != query && labels[index] == label {
              let own = exclude == .patient ? fields.patient : fields.slide
              let theirs = exclude == .patient ? patients[index] : slides[index]
              if exclude != nil, let own, own == theirs { continue }
              let value = distinct == .slide ? slides[index] : distinct == .patient ? patients[index] : nil
              cases.insert(value.map { "case \($0)" } ?? "item \(index)")
            }
            let found = gallery.relevant(label: label, fields: fields, id: id)
            #expect(
              found == cases.count, "\(String(describing: exclude)) \(String(describing: distinct)) \(query) \(label)")
          }
        }
      }
    }
  }

  @Test("ids, slides and patients that differ only in Unicode's spelling are others, as in the daemon")
  func spelling() {
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    let items = [composed, decomposed].map { StoredItem(id: $0, label: "a", slide: $0, patient: $0) }
    let none = PathFieldOptions.Values()
    for distinct in [nil, CaseField.slide, .patient] {
      var gallery = Gallery(excludeSame: nil, distinct: distinct)
      for item in items { gallery.add(item) }
      #expect(gallery.relevant(label: "a", fields: none, id: nil) == 2)
      #expect(gallery.relevant(label: "a", fields: none, id: composed) == 1)
    }
    var gallery = Gallery(excludeSame: .slide, distinct: nil)
    for item in items { gallery.add(item) }
    #expect(gallery.relevant(label: "a", fields: PathFieldOptions.Values(slide: decomposed), id: nil) == 1)
    #expect(gallery.relevant(label: "a", fields: none, id: decomposed) == 1)
  }
}
