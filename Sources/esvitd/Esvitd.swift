import ArgumentParser

@main
struct Esvitd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "esvitd",
    abstract: "Finds the most similar images of an archive, on an OpenCL device.",
    subcommands: [
      Convert.self,
      Devices.self,
      Prebuild.self,
    ])
}
