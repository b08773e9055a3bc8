import ArgumentParser
import Glibc
import Wire

/// The client: each sub-command is one conversation with the daemon.
@main
struct Esvit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "esvit",
    abstract: "Find the most similar tiles of tissue: the client of esvitd.",
    discussion: """
      The daemon's socket is looked for at --socket, $ESVIT_SOCKET, $XDG_RUNTIME_DIR/esvitd.sock and \
      /run/esvitd/esvitd.sock, in this order.

      Exit status: 0 done, 1 a request or a part of it failed, 2 wrong usage, 3 no daemon. With --json, what failed as a \
      whole is {"error": …} on standard output too.
      """,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Picture",
        subcommands: [SearchCommand.self, AddCommand.self, EncodeCommand.self, EvaluateCommand.self]),
      CommandGroup(
        name: "Archive",
        subcommands: [
          CollectionsCommand.self, CreateCommand.self, DropCommand.self, ListCommand.self, GetCommand.self,
          CountCommand.self, RemoveCommand.self,
        ]),
      CommandGroup(
        name: "Daemon", subcommands: [StatusCommand.self, MetricsCommand.self, BenchCommand.self, CallCommand.self]),
    ])

  /// Also in front of the sub-command, which takes over what is parsed here.
  @OptionGroup var connection: ConnectionOptions

  static func main() {
    var printsJSON = false
    do {
      var command = try parseAsRoot()
      printsJSON = (command as? any DaemonCommand)?.printsJSON ?? false
      try command.run()
    } catch let error as ClientError {
      if printsJSON, let json = error.json { Output.json(json) }
      Output.error(error.description)
      Glibc.exit(error.exitStatus)
    } catch {
      // Help, version, completions and manuals are "errors" with status 0 that belong on standard output.
      guard exitCode(for: error).isSuccess else {
        Output.standardError(fullMessage(for: error) + "\n")
        Glibc.exit(ClientError.usageStatus)
      }
      Output.write(fullMessage(for: error) + "\n")
    }
  }
}
