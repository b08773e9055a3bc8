import ArgumentParser
import Glibc
import Wire

/// `esvit collections`
struct CollectionsCommand: DaemonCommand {
  static let configuration = CommandConfiguration(commandName: "collections", abstract: "List the collections.")

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.run(.collections, CollectionsAnswer.init) { answer in
      guard !answer.collections.isEmpty else {
        return Output.line("No collection yet: esvit add NAME FOLDER makes one.")
      }
      Self.table(answer.collections).print()
    }
  }

  static func table(_ collections: [CollectionDescription]) -> Table {
    var table = Table([
      .init(title: "Collection", flexible: true), .init(title: "Items", right: true),
      .init(title: "Dimension", right: true),
      .init(title: "Size", right: true), .init(title: "Precision"), .init(title: "Model"),
    ])
    for one in collections {
      let model = String(one.model.prefix(12))
      table.add([
        one.name, Text.grouped(one.count), Text.grouped(one.dimension), Text.bytes(one.bytes), one.precision ?? "",
        model,
      ])
    }
    return table
  }
}

/// `esvit create`
struct CreateCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make an empty collection for the daemon's model.")

  @Argument(help: "The new collection's name.") var collection: String
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try connection.run(.create(collection: collection), CollectionDescription.init) {
      Output.line("Created \(Text.clean($0.name)), \(Text.grouped($0.dimension)) numbers an item.")
    }
  }
}

/// `esvit drop`
struct DropCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "drop", abstract: "Delete a collection with all its items.",
    discussion: "At a terminal it asks first; --yes answers, as does a standard input that is no terminal.")

  @Argument(help: "The collection's name.") var collection: String
  @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    if !yes, isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 {
      Output.standardError("Delete the collection \(Text.clean(collection)) with all its items? Type its name: ")
      guard readLine() == collection else { throw ClientError.nothing("nothing was deleted") }
    }
    try connection.run(.drop(collection: collection), { $0.object }) { (answer: JSONObject) in
      let items = answer["count"]?.integer.map { " with \(Text.count($0, "item"))" } ?? ""
      Output.line("Deleted \(Text.clean(collection))\(items).")
    }
  }
}
