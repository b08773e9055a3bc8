import FoundationEssentials

extension Model {
  /// The model that is used where none is named.
  ///
  /// In this order: `$ESVIT_MODEL`; the first `.safetensors` file, by name, of `share/esvitd` beside the program's
  /// `bin`, of `/usr/local/share/esvitd` and of `/usr/share/esvitd`; and, for a program that runs from a package's
  /// `.build`, of the `Models` folder of that package.
  ///
  /// - Returns: what `load` takes: a path, or whatever `$ESVIT_MODEL` says.
  /// - Throws: `ModelError.noModel` with the places.
  package static func defaultLocation() throws(ModelError) -> String {
    let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return try defaultLocation(program: program, environment: ProcessInfo.processInfo.environment)
  }

  static func defaultLocation(program: String, environment: [String: String]) throws(ModelError) -> String {
    if let named = environment["ESVIT_MODEL"], !named.isEmpty { return named }
    let parts = program.split(separator: "/")
    var folders: [String] = []
    if parts.count >= 2 { folders.append("/" + parts.dropLast(2).joined(separator: "/") + "/share/esvitd") }
    folders += ["/usr/local/share/esvitd", "/usr/share/esvitd"]
    if let build = parts.lastIndex(of: ".build") {
      folders.append("/" + parts[..<build].joined(separator: "/") + "/Models")
    }
    for folder in folders {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      if let name = names.filter({ $0.hasSuffix(".safetensors") }).min() { return "\(folder)/\(name)" }
    }
    throw .noModel(searched: ["$ESVIT_MODEL"] + folders)
  }
}
