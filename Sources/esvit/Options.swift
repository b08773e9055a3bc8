import ArgumentParser
import Wire

/// How to reach the daemon, and how to print what it says.
struct ConnectionOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The daemon's socket.", valueName: "path"), completion: .file())
  var socket: String?

  @Option(help: ArgumentHelp("Give up after so many seconds of silence; for good without it.", valueName: "seconds"))
  var timeout: Double?

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  func validate() throws {
    if let timeout, !(timeout > 0 && timeout < 1e6) { throw ValidationError("--timeout: expected seconds above zero") }
  }

  func connect() throws(ClientError) -> Connection {
    try Connection(path: SocketPath.resolve(option: socket), timeout: timeout)
  }

  /// Asks, prints the result as JSON or hands it to `show`.
  func run<Answer>(_ call: Call, _ read: (JSONValue) -> Answer?, show: (Answer) -> Void) throws(ClientError) {
    let result = try connect().result(of: call)
    if json { return Output.json(result) }
    show(try Self.read(result, read))
  }

  static func read<Answer>(_ result: JSONValue, _ read: (JSONValue) -> Answer?) throws(ClientError) -> Answer {
    guard let answer = read(result) else { throw .malformed(String(JSONWriter.string(of: result).prefix(200))) }
    return answer
  }
}

/// A command that asks the daemon.
protocol DaemonCommand: ParsableCommand {
  var connection: ConnectionOptions { get }
  /// Whether standard output is JSON, failures too.
  var printsJSON: Bool { get }
}

extension DaemonCommand {
  var printsJSON: Bool { connection.json }
}

extension GroupField: ExpressibleByArgument {}
extension SameField: ExpressibleByArgument {}
extension CaseField: ExpressibleByArgument {}
extension IncludeField: ExpressibleByArgument {}
extension ConflictPolicy: ExpressibleByArgument {}

/// `name=value` on the command line.
struct Assignment: ExpressibleByArgument, Sendable {
  let name: String
  let value: String

  init?(argument: String) {
    guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
    name = String(argument[..<equals])
    value = String(argument[argument.index(after: equals)...])
  }

  /// The value as metadata holds it: a number or truth value where it reads as one, a string in quotes or otherwise.
  var metadataValue: JSONValue {
    guard let parsed = try? JSONParser.parse(value), parsed.isScalar else { return .string(value) }
    return parsed
  }
}

/// Which items: `--filter label=healthy --filter label=tumour --filter metadata.grade=2`.
enum FilterArguments {
  static let fields = "label, slide, patient, site or metadata.NAME"

  /// - Throws: `usage` for a field that is none.
  static func filter(_ assignments: [Assignment], option: String) throws(ClientError) -> Filter? {
    guard !assignments.isEmpty else { return nil }
    var filter = Filter()
    for assignment in assignments {
      if let field = GroupField(rawValue: assignment.name) {
        filter.fields[field, default: []].append(assignment.value)
      } else if assignment.name.hasPrefix("metadata."), assignment.name.utf8.count > 9 {
        filter.metadata[String(assignment.name.dropFirst(9)), default: []].append(assignment.metadataValue)
      } else {
        throw .usage("\(option) \(assignment.name)=…: expected \(fields)")
      }
    }
    return filter
  }
}

struct FilterOptions: ParsableArguments {
  @Option(
    name: .customLong("filter"),
    help: ArgumentHelp(
      "Only items with this value of \(FilterArguments.fields); repeat a field for alternatives.",
      valueName: "field=value"))
  var assignments: [Assignment] = []

  func filter() throws(ClientError) -> Filter? { try FilterArguments.filter(assignments, option: "--filter") }
}

/// A rectangle of a slide on the command line: `X,Y,WIDTH,HEIGHT` or `X,Y,WIDTH,HEIGHT@LEVEL`.
extension Region: ExpressibleByArgument {
  package init?(argument: String) {
    let parts = argument.split(separator: "@", omittingEmptySubsequences: false)
    let numbers = parts[0].split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    let level = parts.count > 1 ? Int(parts[1]) : 0
    guard parts.count <= 2, numbers.count == 4, let level, let x = numbers[0], let y = numbers[1],
      let width = numbers[2], let height = numbers[3], x >= 0, y >= 0, width > 0, height > 0, level >= 0
    else { return nil }
    self.init(x: x, y: y, width: width, height: height, level: level)
  }

  /// As it is written on the command line.
  var text: String { "\(x),\(y),\(width),\(height)" + (level == 0 ? "" : "@\(level)") }
}
