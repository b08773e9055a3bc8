import Wire

/// A query with its picture and what was found.
struct QueryPart {
  let subject: SearchSubject
  let picture: PagePicture
  let neighbours: [Neighbour]
  /// A line under the query's name, such as its average precision.
  var note: String?
}

/// The page of `esvit search --html`.
struct SearchPage {
  let collection: String
  let k: Int
  let searched: Int
  let unattributed: Int
  let unattributedField: String?
  /// What narrowed the search, in words.
  let restrictions: [String]
  let queries: [QueryPart]

  var html: HTML {
    let title = queries.count == 1 ? "The nearest tiles of \(queries[0].subject.shortName)" : "The nearest tiles"
    var compared = "\(Text.count(searched, "item")) of the collection “\(collection)” compared"
    if unattributed > 0, let unattributedField {
      compared += ", \(Text.grouped(unattributed)) of them without a \(unattributedField)"
    }
    let facts = [compared] + restrictions
    let body: HTML = """
      <header><h1>\(title)</h1>
      <p>\(facts.joined(separator: "; ")). Scores are cosines: 1 is the same direction.</p></header>
      \(queries.enumerated().map { $0.element.html(number: $0.offset + 1) })
      """
    return Page(title: title + " – " + collection, body: body).html
  }
}

extension SearchSubject {
  /// The last part of its name.
  var shortName: String { name.split(separator: "/").last.map(String.init) ?? name }
}

extension QueryPart {
  /// The query beside its neighbours; where the query's label is known, each neighbour says whether it shares it.
  func html(number: Int) -> HTML {
    var facts: [(String, String)] = []
    if let slide = subject.fields.slide { facts.append(("Slide", slide)) }
    if let patient = subject.fields.patient { facts.append(("Patient", patient)) }
    if let site = subject.fields.site { facts.append(("Site", site)) }
    if case .id = subject.kind {
      facts.append(("Id", subject.name))
    } else if subject.name != subject.shortName {
      facts.append(("Source", subject.name))
    }
    let label: HTML? = subject.label.map { "<div class=\"label\">\(HTML.breakable($0))</div>" }
    let alternative =
      "Query \(number): " + ([subject.shortName] + [subject.label].compactMap { $0 }).joined(separator: ", ")
    let empty: HTML? = neighbours.isEmpty ? "<p>No neighbour was found.</p>" : nil
    return """
      <section class="query" aria-labelledby="query-\(number)">
      <div class="asked">
      <div class="tile">\(picture.html(alternative: alternative))<div class="text">
      <h2 id="query-\(number)">\(HTML.breakable(subject.shortName))</h2>
      \(label)\(note.map { "<p>\($0)</p>" as HTML })\(Self.list(facts))
      </div></div>
      </div>
      <div><ol class="neighbours">
      \(neighbours.enumerated().map { tile(rank: $0.offset + 1, $0.element) })
      </ol>\(empty)</div>
      </section>

      """
  }

  private func tile(rank: Int, _ neighbour: Neighbour) -> HTML {
    let item = neighbour.item
    let score = neighbour.score
    var facts: [(String, String)] = [("Id", item.id)]
    if let slide = item.slide { facts.append(("Slide", slide)) }
    if let patient = item.patient { facts.append(("Patient", patient)) }
    if let site = item.site { facts.append(("Site", site)) }
    if let region = item.region { facts.append(("Region", region.words)) }
    if let source = item.source { facts.append(("Source", source)) }
    let parts = [item.label, item.slide.map { "slide \($0)" }, item.patient.map { "patient \($0)" }].compactMap { $0 }
    let alternative = (["Neighbour \(rank)"] + parts + ["score \(Text.fixed(score, 3))"]).joined(separator: ", ")
    let percent = Text.fixed(max(0, min(1, score)) * 100, 1)
    return """
      <li class="tile">\(PagePicture(item.thumbnail).html(alternative: alternative))<div class="text">
      <div class="rank"><b>\(Text.fixed(score, 4))</b><span>\(rank)</span></div>
      <div class="bar" aria-hidden="true"><i style="width:\(percent)%"></i></div>
      \(label(item.label))\(Self.list(facts))
      </div></li>

      """
  }

  private func label(_ label: String?) -> HTML? {
    guard let own = subject.label else { return label.map { "<div class=\"label\">\(HTML.breakable($0))</div>" } }
    guard let label else { return "<div class=\"label other\">✗&nbsp;no label</div>" }
    return label == own
      ? "<div class=\"label same\">✓&nbsp;\(HTML.breakable(label))</div>"
      : "<div class=\"label other\">✗&nbsp;\(HTML.breakable(label))</div>"
  }

  private static func list(_ facts: [(String, String)]) -> HTML? {
    facts.isEmpty
      ? nil : "<dl>\(facts.map { "<div><dt>\($0.0)</dt><dd>\(HTML.breakable($0.1))</dd></div>" as HTML })</dl>"
  }
}

extension Region {
  /// As a person reads it: "224 × 224 at 1024, 2048, level 1".
  fileprivate var words: String { "\(width) × \(height) at \(x), \(y)" + (level == 0 ? "" : ", level \(level)") }
}
