import ArgumentParser
import Wire

/// `esvit add`
struct AddCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add images to a collection.",
    discussion: """
      An image's id is its path below the folder that was named, so that a second run after an interruption passes over \
      what is stored already (--on-conflict skip). Its absolute path is stored as its source.

        esvit add colorectal tiles/ --label-from-folder --patient-from 'TCGA-(\\w\\w-\\w{4})'
      """)

  @Argument(help: "The collection; made where it is missing.") var collection: String
  @Argument(help: "Image files, folders or patterns.", completion: .file()) var images: [String]

  @Flag(help: "Refuse a collection that does not exist.") var noCreate = false
  @Option(help: "The label of all files.") var label: String?
  @Flag(help: "The label is the name of the folder that a file lies in.") var labelFromFolder = false
  @OptionGroup(title: "Slide, patient and site") var pathFields: PathFieldOptions
  @Option(help: "Micrometres a pixel of all files.") var mpp: Double?
  @Option(help: ArgumentHelp("Metadata of all files; numbers, true and false are told apart.", valueName: "name=value"))
  var metadata: [Assignment] = []
  @Option(help: ArgumentHelp("Put this before every id.", valueName: "text")) var idPrefix = ""
  @Option(help: "An id that is there already: skip it where the image is the same, replace it, or report an error.")
  var onConflict = ConflictPolicy.skip
  @OptionGroup var image: ImageOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
    if label != nil, labelFromFolder { throw ValidationError("--label and --label-from-folder exclude each other") }
    if let mpp, !(mpp > 0 && mpp.isFinite) { throw ValidationError("--mpp: expected a number above zero") }
  }

  func run() throws {
    let files = try ImageFiles.expand(images)
    let ids = try Self.ids(of: files, prefix: idPrefix)
    let fields = try pathFields.values(for: files)
    let daemon = try connection.connect()
    try createIfMissing(daemon)
    let report = try add(files, ids, fields, daemon)
    if connection.json { Output.json(report.json(collection)) } else { report.show(collection) }
    if !connection.json { report.failures.print() }
    try report.failures.throwIfAny(of: files.count, "image")
  }

  /// - Throws: `usage` where two files would have one id.
  static func ids(of files: [ImageFile], prefix: String) throws(ClientError) -> [String] {
    // By their bytes, as the daemon tells ids apart; those that are not UTF-8 fail anyway.
    var owners: [ExactString: String] = [:]
    var ids: [String] = []
    for file in files {
      let id = prefix + file.name
      if file.isUTF8, let owner = owners.updateValue(file.path, forKey: ExactString(id)) {
        throw .usage("\(owner) and \(file.path) would both have the id \(id); add them in two runs with --id-prefix")
      }
      ids.append(id)
    }
    return ids
  }

  private func createIfMissing(_ daemon: Connection) throws(ClientError) {
    let answer = try ConnectionOptions.read(try daemon.result(of: .collections), CollectionsAnswer.init)
    let names = answer.collections.map { ExactString($0.name) }
    guard !names.contains(ExactString(collection)) else { return }
    guard !noCreate else {
      throw .request(ErrorObject(.notFound, "there is no collection \(collection), and --no-create was given"))
    }
    do { _ = try daemon.result(of: .create(collection: collection)) } catch .request(let error)
      where error.code == .conflict
    {
      // Another client was first, which is as good.
    }
  }

  private func item(_ id: String, _ file: ImageFile, _ fields: PathFieldOptions.Values, _ picture: Picture) -> Item {
    var object = JSONObject()
    for assignment in metadata { object[assignment.name] = assignment.metadataValue }
    return Item(
      id: id, content: .image(picture), label: labelFromFolder ? file.folder : label, slide: fields.slide,
      patient: fields.patient, site: fields.site, source: ImageFiles.absolute(file.path), region: image.region,
      mpp: mpp,
      metadata: object)
  }

  private func add(
    _ files: [ImageFile], _ ids: [String], _ fields: [PathFieldOptions.Values], _ daemon: Connection
  ) throws(ClientError) -> Report {
    var report = Report()
    var batches = ImageBatches(files, image, try daemon.imageLimits())
    var bar = ProgressBar(total: files.count, unit: "image")
    try daemon.pipeline { () throws(ClientError) -> (call: Call, subject: [Int])? in
      while let batch = batches.take() {
        for failure in batch.failures { report.failures.add(ids[failure.index], failure.error.description) }
        bar.advance(by: batch.failures.count)
        guard !batch.images.isEmpty else { continue }
        let items = batch.images.map { item(ids[$0.index], files[$0.index], fields[$0.index], $0.picture) }
        let parameters = AddParameters(collection: collection, items: items, onConflict: onConflict)
        return (.add(parameters), batch.images.map(\.index))
      }
      return nil
    } answered: { (indices, outcome) throws(ClientError) in
      switch outcome {
      case .failure(let error):
        // What fails whole requests (a full disk, another model) fails the rest as well.
        if error.code != .tooLarge { throw .request(error) }
        for index in indices { report.failures.add(ids[index], error.message) }
      case .success(let value):
        let answer = try ConnectionOptions.read(value, AddAnswer.init)
        for (index, place) in zip(indices, answer.items) { report.count(place.outcome, ids[index]) }
      }
      bar.advance(by: indices.count)
    }
    bar.finish()
    report.seconds = bar.seconds
    return report
  }

  struct Report {
    var stored = 0
    var skipped = 0
    var failures = FailureList()
    var seconds = 0.0

    mutating func count(_ outcome: Result<AddedItem, ErrorObject>, _ id: String) {
      switch outcome {
      case .success(let item) where item.status == .skipped: skipped += 1
      case .success: stored += 1
      case .failure(let error): failures.add(id, error.message)
      }
    }

    private var rate: Double { seconds > 0 ? Double(stored + skipped + failures.entries.count) / seconds : 0 }

    func show(_ collection: String) {
      var parts = ["\(Text.count(stored, "image")) stored in \(Text.clean(collection))"]
      if skipped > 0 { parts.append("\(Text.grouped(skipped)) there already") }
      if !failures.entries.isEmpty { parts.append("\(Text.grouped(failures.entries.count)) failed") }
      Output.line("\(parts.joined(separator: ", ")); \(Text.duration(seconds)), \(Text.fixed(rate, 1)) images/s")
    }

    func json(_ collection: String) -> JSONValue {
      [
        "collection": .string(collection), "stored": .integer(Int64(stored)), "skipped": .integer(Int64(skipped)),
        "failed": .integer(Int64(failures.entries.count)), "failures": failures.json, "seconds": .double(seconds),
        "images_per_second": .double(rate),
      ]
    }
  }
}
