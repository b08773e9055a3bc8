import ArgumentParser
import Wire

/// Stored items as a table; columns that no item fills are left out.
struct ItemTable {
  private var table = Table([
    .init(title: "Id", flexible: true), .init(title: "Label", flexible: true), .init(title: "Slide", flexible: true),
    .init(title: "Patient", flexible: true), .init(title: "Site", flexible: true),
    .init(title: "Region", flexible: true),
    .init(title: "µm/px", right: true), .init(title: "Source", flexible: true), .init(title: "SHA-256", flexible: true),
    .init(title: "Metadata", flexible: true),
  ])

  mutating func add(_ item: StoredItem) {
    let metadata = item.metadata.map { $0.isEmpty ? "" : JSONWriter.string(of: $0) }
    table.add([
      item.id, item.label ?? "", item.slide ?? "", item.patient ?? "", item.site ?? "", item.region?.text ?? "",
      item.mpp.map { Text.fixed($0, 3) } ?? "", item.source ?? "", item.sha256 ?? "", metadata ?? "",
    ])
  }

  func print() { if !table.isEmpty { table.print() } }
}

/// What to show besides id, label, slide, patient and site.
struct IncludeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also give: \(IncludeField.allCases.map(\.rawValue).joined(separator: ", ")); "
        + "embeddings and thumbnails are seen with --json.", valueName: "field"))
  var include: [IncludeField] = []

  var fields: Set<IncludeField> { Set(include) }
}

/// More ids than one request takes, in several.
enum IDParts {
  static func parts(of ids: [String], _ daemon: Connection) throws(ClientError) -> [[String]] {
    let most = ids.count > 1 ? try daemon.limits().items : 1
    return stride(from: 0, to: ids.count, by: most).map { Array(ids[$0..<min($0 + most, ids.count)]) }
  }
}

/// `esvit get`
struct GetCommand: DaemonCommand {
  static let configuration = CommandConfiguration(commandName: "get", abstract: "Show stored items by their ids.")

  @Argument(help: "The collection.") var collection: String
  @Argument(help: "The items' ids.") var ids: [String]
  @OptionGroup var include: IncludeOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let daemon = try connection.connect()
    var table = ItemTable()
    var raw: [JSONValue] = []
    var missing = 0
    for part in try IDParts.parts(of: ids, daemon) {
      let call = Call.get(GetParameters(collection: collection, ids: part, include: include.fields))
      let result = try daemon.result(of: call)
      raw += result["items"]?.array ?? []
      for (id, place) in zip(part, try ConnectionOptions.read(result, GetAnswer.init).items) {
        switch place.outcome {
        case .success(let item): table.add(item)
        case .failure(let error):
          missing += 1
          Output.error("\(id): \(error.message)")
        }
      }
    }
    if connection.json { Output.json(["items": .array(raw)] as JSONValue) } else { table.print() }
    if missing > 0 {
      throw ClientError.partly("\(Text.count(missing, "item")) of \(Text.grouped(ids.count)) not given")
    }
  }
}

/// `esvit list`
struct ListCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List a collection's items in the order in which they were added.")

  @Argument(help: "The collection.") var collection: String
  @OptionGroup var filter: FilterOptions
  @Option(help: ArgumentHelp("Begin behind this item.", valueName: "id")) var after: String?
  @Option(help: "How many items.") var limit = ListParameters.defaultLimit
  @Flag(help: "All items, however many.") var all = false
  @OptionGroup var include: IncludeOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard limit > 0 else { throw ValidationError("--limit: expected a number above zero") }
  }

  func run() throws {
    let daemon = try connection.connect()
    let pages = ItemPages(daemon, collection: collection, filter: try filter.filter(), include: include.fields)
    var listing = Listing(json: connection.json)
    do throws(ClientError) {
      let next = try pages.each(after: after, atMost: all ? nil : limit) { item, raw in listing.add(item, raw) }
      listing.finish(next: next)
    } catch { throw listing.broken(off: error) }
  }

  /// Rows, or the members of one JSON object that is written while the pages come.
  private struct Listing {
    let json: Bool
    private var table = ItemTable()
    private var count = 0
    private var text = Array("{\"items\":[".utf8)

    init(json: Bool) { self.json = json }

    mutating func add(_ item: StoredItem, _ raw: JSONValue) {
      if json {
        if count > 0 { text.append(UInt8(ascii: ",")) }
        text += JSONWriter.bytes(of: raw)
        if text.count > 1 << 16 {
          Output.write(text)
          text = []
        }
      } else {
        table.add(item)
      }
      count += 1
    }

    /// The error to end with, once JSON of which a part is out already is whole: that part, and `error` beside it.
    func broken(off error: ClientError) -> ClientError {
      guard json, count > 0, let reason = error.json?["error"] else { return error }
      end("error", reason)
      return .partly(error.description)
    }

    private func end(_ name: String, _ value: JSONValue?) {
      Output.write(text)
      Output.line("]" + (value.map { ",\"\(name)\":" + JSONWriter.string(of: $0) } ?? "") + "}")
    }

    func finish(next: String?) {
      if json {
        end("next", next.map(JSONValue.string))
      } else if count == 0 {
        Output.line("No item.")
      } else {
        table.print()
        if let next { Output.line("More: --after \(Text.clean(next)), or --all") }
      }
    }
  }
}

/// A collection's items, page by page.
struct ItemPages {
  private let daemon: Connection
  private let collection: String
  private let filter: Filter?
  private let include: Set<IncludeField>
  private static let page = 1_000

  init(_ daemon: Connection, collection: String, filter: Filter?, include: Set<IncludeField> = []) {
    self.daemon = daemon
    self.collection = collection
    self.filter = filter
    self.include = include
  }

  /// Hands on each item with its JSON.
  /// - Returns: the id to go on after, nil where the end was reached.
  func each(
    after start: String? = nil, atMost: Int? = nil, _ body: (StoredItem, JSONValue) -> Void
  ) throws(ClientError) -> String? {
    var after = start
    var left = atMost ?? .max
    while left > 0 {
      let parameters = ListParameters(
        collection: collection, filter: filter, after: after, limit: min(left, Self.page), include: include)
      let result = try daemon.result(of: .list(parameters))
      let answer = try ConnectionOptions.read(result, ListAnswer.init)
      for (item, raw) in zip(answer.items, result["items"]?.array ?? []) { body(item, raw) }
      left -= answer.items.count
      guard let next = answer.next, !answer.items.isEmpty, next != after else { return nil }
      after = next
    }
    return after
  }
}

/// `esvit count`
struct CountCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "count", abstract: "Count a collection's items, in all or for each value of a field.")

  @Argument(help: "The collection.") var collection: String
  @OptionGroup var filter: FilterOptions
  @Option(help: ArgumentHelp("For each value of: label, slide, patient or site.", valueName: "field")) var by:
    GroupField?
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let call = Call.count(CountParameters(collection: collection, filter: try filter.filter(), by: by))
    try connection.run(call, CountAnswer.init) { answer in
      guard let by, let groups = answer.groups else { return Output.line(Text.grouped(answer.count)) }
      let title = by.rawValue.prefix(1).uppercased() + by.rawValue.dropFirst()
      var table = Table([.init(title: title, flexible: true), .init(title: "Items", right: true)])
      for group in groups { table.add([group.value ?? "(none)", Text.grouped(group.count)]) }
      table.add(["in all", Text.grouped(answer.count)])
      table.print()
    }
  }
}

/// `esvit remove`
struct RemoveCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove items by their ids, or all that a filter selects.")

  @Argument(help: "The collection.") var collection: String
  @Argument(help: "The items' ids.") var ids: [String] = []
  @OptionGroup var filter: FilterOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if ids.isEmpty == filter.assignments.isEmpty { throw ValidationError("Give either ids or --filter.") }
  }

  func run() throws {
    if let filter = try filter.filter() {
      let call = Call.remove(RemoveParameters(collection: collection, which: .filter(filter)))
      return try connection.run(call, RemoveAnswer.init, show: show)
    }
    let daemon = try connection.connect()
    var removed = 0
    for part in try IDParts.parts(of: ids, daemon) {
      let call = Call.remove(RemoveParameters(collection: collection, which: .ids(part)))
      removed += try ConnectionOptions.read(try daemon.result(of: call), RemoveAnswer.init).removed
    }
    let answer = RemoveAnswer(removed: removed)
    if connection.json { Output.json(answer) } else { show(answer) }
  }

  private func show(_ answer: RemoveAnswer) { Output.line("Removed \(Text.count(answer.removed, "item")).") }
}
