import ArgumentParser
import Daemon

@main
struct Esvitd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "esvitd",
    abstract: "Finds the most similar images of an archive, on an OpenCL device.",
    version: DaemonVersion.current,
    subcommands: [
      Serve.self,
      Config.self,
      Devices.self,
      Bench.self,
      Convert.self,
      Prebuild.self,
    ])
}
