import ArgumentParser
import Wire

/// `esvit call`
struct CallCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Call any method of the protocol and print its result as JSON.",
    discussion: "For example: esvit call count '{\"collection\":\"colorectal\",\"by\":\"label\"}'")

  @Argument(help: "The method, such as status or search.") var method: String
  @Argument(help: ArgumentHelp("The parameters, a JSON object; - reads it from standard input.", valueName: "json"))
  var parameters = "{}"
  @OptionGroup var connection: ConnectionOptions

  var printsJSON: Bool { true }

  func run() throws {
    var text = parameters
    if text == "-" {
      text = ""
      while let line = readLine(strippingNewline: false) { text += line }
    }
    let value: JSONValue
    do { value = try JSONParser.parse(text) } catch {
      throw ClientError.usage("the parameters are no valid JSON: \(error)")
    }
    guard case .object(let params) = value else {
      throw ClientError.usage("the parameters are \(value.typeName); expected an object")
    }
    Output.json(try connection.connect().result(of: method, params))
  }
}
