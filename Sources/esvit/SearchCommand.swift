import ArgumentParser
import Wire

/// `esvit search`
struct SearchCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find the most similar items of a collection.",
    discussion: """
        esvit search colorectal tile.jpg
        esvit search colorectal tile.jpg --patient P-17 --exclude-same patient --html page.html
        esvit search colorectal --id t-0042 -k 20 --distinct patient
      """)

  @Argument(help: "The collection.") var collection: String
  @Argument(help: "Image files, folders or patterns to search with.", completion: .file()) var images: [String] = []
  @Option(help: "Search with this stored item; may be repeated.") var id: [String] = []
  @Option(name: .customShort("k"), help: "How many neighbours.") var k = SearchParameters.defaultK
  @OptionGroup var filter: FilterOptions
  @Option(help: ArgumentHelp("No items with this value of a field; may be repeated.", valueName: "field=value"))
  var exclude: [Assignment] = []
  @Option(help: ArgumentHelp("No items of the query's own slide, patient or site.", valueName: "field"))
  var excludeSame: SameField?
  @Option(help: ArgumentHelp("The nearest cases: each slide or patient once, by its best item.", valueName: "field"))
  var distinct: CaseField?
  @OptionGroup(title: "The query's slide, patient and site") var pathFields: PathFieldOptions
  @Option(
    help: ArgumentHelp("Write a page with the pictures, complete in itself.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var html: String?
  @OptionGroup var include: IncludeOptions
  @OptionGroup var image: ImageOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard !images.isEmpty || !id.isEmpty else { throw ValidationError("Name an image, or a stored item with --id.") }
    guard k > 0 else { throw ValidationError("-k: expected a number above zero") }
  }

  func run() throws {
    let subjects = try self.subjects()
    var template = SearchParameters(
      collection: collection, queries: [], k: k, filter: try filter.filter(),
      exclude: try FilterArguments.filter(exclude, option: "--exclude"), excludeSame: excludeSame, distinct: distinct,
      include: include.fields)
    if html != nil { template.include.formUnion([.thumbnail, .region, .source]) }
    let daemon = try connection.connect()
    let run = try SearchRun(subjects, template, image, daemon)
    if let html { try writePage(run, subjects, to: html, daemon) }
    if connection.json { Output.json(json(run, subjects)) } else { show(run, subjects) }
    try failures(run, subjects).throwIfAny(of: subjects.count, "search", plural: "searches")
  }

  private func subjects() throws(ClientError) -> [SearchSubject] {
    let files = images.isEmpty ? [] : try ImageFiles.expand(images)
    let fields = try pathFields.values(for: files)
    let given = PathFieldOptions.Values(slide: pathFields.slide, patient: pathFields.patient, site: pathFields.site)
    return zip(files, fields).map { SearchSubject(kind: .file($0), name: $0.path, fields: $1) }
      + id.map { SearchSubject(kind: .id, name: $0, fields: given) }
  }

  private func failures(_ run: SearchRun, _ subjects: [SearchSubject]) -> FailureList {
    var list = FailureList()
    for (subject, outcome) in zip(subjects, run.outcomes) {
      if case .failure(let error) = outcome { list.add(subject.name, error.message) }
    }
    if !connection.json { list.print() }
    return list
  }

  private func json(_ run: SearchRun, _ subjects: [SearchSubject]) -> JSONValue {
    let results = zip(subjects, run.outcomes).enumerated().map { index, pair -> JSONValue in
      let (subject, outcome) = pair
      var object: JSONObject = ["query": .string(subject.name)]
      if case .failure(let error) = outcome {
        object["error"] = error.json
      } else {
        object["neighbours"] = run.raw[index]["neighbours"]
      }
      return .object(object)
    }
    return [
      "results": .array(results), "searched": .integer(Int64(run.searched)),
      "unattributed": .integer(Int64(run.unattributed)),
    ]
  }

  private func show(_ run: SearchRun, _ subjects: [SearchSubject]) {
    var first = true
    for (subject, outcome) in zip(subjects, run.outcomes) {
      guard let neighbours = try? outcome.get() else { continue }
      if subjects.count > 1 { Output.line((first ? "" : "\n") + Text.clean(subject.name)) }
      first = false
      if neighbours.isEmpty { Output.line("No neighbour.") } else { table(neighbours).print() }
    }
    guard !first else { return }
    var note = "\(Text.count(run.searched, "item")) compared"
    if run.unattributed > 0, let field = excludeSame?.rawValue ?? distinct?.rawValue {
      note += ", \(Text.grouped(run.unattributed)) of them without a \(field)"
    }
    Output.line(note)
  }

  /// What the page alone asked for is left out: a terminal's line is short.
  private func table(_ neighbours: [Neighbour]) -> Table {
    var table = Table([
      .init(title: "#", right: true), .init(title: "Score", right: true), .init(title: "Id", flexible: true),
      .init(title: "Label", flexible: true), .init(title: "Slide", flexible: true),
      .init(title: "Patient", flexible: true),
      .init(title: "Site", flexible: true), .init(title: "Region", flexible: true),
      .init(title: "Source", flexible: true),
    ])
    let shown = include.fields
    for (index, neighbour) in neighbours.enumerated() {
      let item = neighbour.item
      table.add([
        "\(index + 1)", Text.fixed(neighbour.score, 4), item.id, item.label ?? "", item.slide ?? "",
        item.patient ?? "", item.site ?? "", shown.contains(.region) ? item.region?.text ?? "" : "",
        shown.contains(.source) ? item.source ?? "" : "",
      ])
    }
    return table
  }

  private func writePage(
    _ run: SearchRun, _ subjects: [SearchSubject], to path: String, _ daemon: Connection
  ) throws(ClientError) {
    let pictures = try PagePicture.pictures(of: subjects, collection: collection, daemon)
    let parts = subjects.indices.compactMap { index -> QueryPart? in
      guard let neighbours = try? run.outcomes[index].get() else { return nil }
      return QueryPart(subject: subjects[index], picture: pictures[index], neighbours: neighbours)
    }
    let page = SearchPage(
      collection: collection, k: k, searched: run.searched, unattributed: run.unattributed,
      unattributedField: excludeSame?.rawValue ?? distinct?.rawValue, restrictions: restrictions(), queries: parts)
    try Output.write(Array(page.html.markup.utf8), to: path)
    if !connection.json { Output.standardError("Page with pictures: \(Text.clean(path))\n") }
  }

  /// What narrowed the search, in words.
  private func restrictions() -> [String] {
    var words = filter.assignments.map { "only \($0.name) = \($0.value)" }
    words += exclude.map { "without \($0.name) = \($0.value)" }
    if let excludeSame { words.append("without the query's own \(excludeSame.rawValue)") }
    if let distinct { words.append("each \(distinct.rawValue) once") }
    return words
  }
}
