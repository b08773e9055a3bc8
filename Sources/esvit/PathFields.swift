import ArgumentParser

/// A regular expression on a file's path: its first capture group, or the whole match where it has none.
struct PathPattern: Sendable {
  private let source: String
  private let option: String

  /// - Throws: `usage` with what is wrong in the expression.
  init(_ source: String, option: String) throws(ClientError) {
    self.source = source
    self.option = option
    _ = try compiled()
  }

  private func compiled() throws(ClientError) -> Regex<AnyRegexOutput> {
    do { return try Regex(source) } catch {
      throw .usage("\(option) '\(source)' is no regular expression: \(error)")
    }
  }

  /// What the expression finds in each path; nil where it finds nothing.
  func values(in paths: [String]) throws(ClientError) -> [String?] {
    let expression = try compiled()
    return paths.map { path in
      guard let match = try? expression.firstMatch(in: path) else { return nil }
      let group = match.output.count > 1 ? match.output[1].substring : match.output[0].substring
      return group.flatMap { $0.isEmpty ? nil : String($0) }
    }
  }
}

/// What an image shows and whose it is, given for all files or found in each file's path.
struct PathFieldOptions: ParsableArguments {
  @Option(help: "The slide of all files.") var slide: String?
  @Option(help: "The patient of all files.") var patient: String?
  @Option(help: "The site of all files.") var site: String?

  @Option(help: ArgumentHelp("The slide: first group of a regular expression on the path.", valueName: "regex"))
  var slideFrom: String?
  @Option(help: ArgumentHelp("The patient: first group of a regular expression on the path.", valueName: "regex"))
  var patientFrom: String?

  func validate() throws {
    if slide != nil, slideFrom != nil { throw ValidationError("--slide and --slide-from exclude each other") }
    if patient != nil, patientFrom != nil { throw ValidationError("--patient and --patient-from exclude each other") }
  }

  struct Values: Sendable, Equatable {
    var slide: String?
    var patient: String?
    var site: String?
  }

  /// The values for each file, and a warning on standard error where an expression found nothing.
  func values(for files: [ImageFile]) throws(ClientError) -> [Values] {
    let paths = files.map(\.path)
    let slides = try found(slideFrom, "--slide-from", paths) ?? paths.map { _ in slide }
    let patients = try found(patientFrom, "--patient-from", paths) ?? paths.map { _ in patient }
    return paths.indices.map { Values(slide: slides[$0], patient: patients[$0], site: site) }
  }

  private func found(_ pattern: String?, _ option: String, _ paths: [String]) throws(ClientError) -> [String?]? {
    guard let pattern else { return nil }
    let values = try PathPattern(pattern, option: option).values(in: paths)
    let without = values.count { $0 == nil }
    if without > 0, let example = zip(paths, values).first(where: { $0.1 == nil })?.0 {
      Output.error(
        "\(option) finds nothing in \(Text.count(without, "path")) of \(Text.grouped(paths.count)), such as \(example)")
    }
    return values
  }
}
