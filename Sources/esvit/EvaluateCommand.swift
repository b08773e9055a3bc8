import ArgumentParser
import Metrics
import Wire

/// `esvit evaluate`
struct EvaluateCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Measure how well neighbours share their query's label.",
    discussion: """
      Queries are the images of a folder with a folder a class, or with --leave-one-out every labelled item of the \
      collection itself. Intervals hold 95 % of 2,000 bootstrap samples of whole patients or slides, where these are known.
      """)

  @Argument(help: "The collection.") var collection: String
  @Argument(help: "A folder of images in folders named after their labels.", completion: .directory) var folder: String?
  @Flag(help: "Query with each stored item, which is not its own neighbour.") var leaveOneOut = false
  @Option(name: .customShort("k"), help: "Neighbours that count.") var k = 10
  @OptionGroup var filter: FilterOptions
  @Option(help: ArgumentHelp("No neighbours of the query's own slide, patient or site.", valueName: "field"))
  var excludeSame: SameField?
  @Option(help: ArgumentHelp("Each slide or patient once, by its best item.", valueName: "field")) var distinct:
    CaseField?
  @OptionGroup(title: "The queries' slide, patient and site") var pathFields: PathFieldOptions
  @Option(
    help: ArgumentHelp("Write a page with the worst queries and their neighbours.", valueName: "file"),
    completion: .file(extensions: ["html"]))
  var html: String?
  @Option(help: "How many of the worst queries the page shows.") var worst = 20
  @OptionGroup var image: ImageOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if (folder != nil) == leaveOneOut { throw ValidationError("Give either a folder or --leave-one-out.") }
    guard k > 0 else { throw ValidationError("-k: expected a number above zero") }
    guard worst >= 0 else { throw ValidationError("--worst: expected a number of at least zero") }
  }

  func run() throws {
    let files = try folder.map { folder throws(ClientError) in try ImageFiles.expand([folder]) }
    let fields = try files.map { files throws(ClientError) in try pathFields.values(for: files) }
    let daemon = try connection.connect()
    var gallery = Gallery(excludeSame: excludeSame, distinct: distinct)
    _ = try ItemPages(daemon, collection: collection, filter: try filter.filter()).each { item, _ in gallery.add(item) }
    let subjects = zip(files ?? [], fields ?? []).map {
      SearchSubject(kind: .file($0), name: $0.path, label: $0.folder, fields: $1)
    }
    let report = try evaluate(leaveOneOut ? Self.stored(gallery) : subjects, gallery, daemon)
    if let html {
      let page = try report.page(worst: worst, template: template(including: [.thumbnail, .region]), image, daemon)
      try Output.write(Array(page.markup.utf8), to: html)
      if !connection.json { Output.standardError("Page with the worst queries: \(Text.clean(html))\n") }
    }
    if connection.json { Output.json(report.json) } else { report.show() }
    if !connection.json { report.failures.print() }
    try report.failures.throwIfAny(of: report.asked, "query", plural: "queries")
  }

  private static func stored(_ gallery: Gallery) -> [SearchSubject] {
    gallery.entries.compactMap { entry in
      let fields = PathFieldOptions.Values(slide: entry.slide, patient: entry.patient, site: entry.site)
      return entry.label.map { SearchSubject(kind: .id, name: entry.id, label: $0, fields: fields) }
    }
  }

  private func template(including include: Set<IncludeField>) throws(ClientError) -> SearchParameters {
    SearchParameters(
      collection: collection, queries: [], k: max(k, 5), filter: try filter.filter(), excludeSame: excludeSame,
      distinct: distinct, include: include)
  }

  private func evaluate(
    _ subjects: [SearchSubject], _ gallery: Gallery, _ daemon: Connection
  ) throws(ClientError) -> EvaluationReport {
    guard !subjects.isEmpty else { throw .nothing("no item of \(collection) has a label; nothing can be evaluated") }
    let run = try SearchRun(subjects, try template(including: []), image, daemon)
    var report = EvaluationReport(
      collection: collection, k: k, run: run, items: gallery.entries.count, asked: subjects.count)
    report.unlabelled = leaveOneOut ? gallery.entries.count - subjects.count : 0
    for (subject, outcome) in zip(subjects, run.outcomes) {
      switch outcome {
      case .failure(let error): report.failures.add(subject.name, error.message)
      case .success(let neighbours):
        guard let label = subject.label else { continue }
        var id: String?
        if case .id = subject.kind { id = subject.name }
        report.subjects.append(subject)
        report.queries.append(
          EvaluatedQuery(
            label: label, neighbours: neighbours.map(\.item.label),
            relevant: gallery.relevant(label: label, fields: subject.fields, id: id),
            group: subject.fields.patient.map { "patient " + $0 } ?? subject.fields.slide.map { "slide " + $0 }))
      }
    }
    guard !report.queries.isEmpty else {
      report.failures.print()
      throw .nothing("every query failed")
    }
    report.finish()
    return report
  }
}
