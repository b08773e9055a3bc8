import ArgumentParser
import Wire

/// `esvit encode`
struct EncodeCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Compute the embeddings of images.",
    discussion: """
      In a .npy file, row i belongs to image i, in the order of the arguments, folders sorted by path; the row of an image \
      that failed is NaN. A .jsonl file has one object a line, with the image's path.
      """)

  @Argument(help: "Image files, folders or patterns.", completion: .file()) var images: [String]
  @Option(
    name: .shortAndLong, help: ArgumentHelp("Write a .npy or .jsonl file.", valueName: "file"),
    completion: .file(extensions: ["npy", "jsonl"]))
  var output: String?
  @Flag(help: "Leave embeddings at the length that the model gives them, instead of 1.") var raw = false
  @OptionGroup var image: ImageOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard !images.isEmpty else { throw ValidationError("Name at least one image.") }
    if let output, !output.hasSuffix(".npy"), !output.hasSuffix(".jsonl") {
      throw ValidationError("--output \(output): expected a name that ends in .npy or .jsonl")
    }
  }

  func run() throws {
    let files = try ImageFiles.expand(images)
    let result = try Self.encode(files, image, normalize: !raw, connection.connect())
    if let output { try write(result, files, to: output) }
    if connection.json {
      Output.json(output.map { result.summary($0) } ?? result.json(files))
    } else if output == nil {
      show(result, files)
    }
    result.failures.print()
    try result.failures.throwIfAny(of: files.count, "image")
  }

  struct Result {
    var embeddings: [Swift.Result<[Float], ErrorObject>]
    var dimension = 0
    var model = ""
    var failures = FailureList()

    func row(_ index: Int, _ file: ImageFile) -> JSONValue {
      switch embeddings[index] {
      case .success(let values):
        // Through the shortest text of the 32-bit number, so that it stays short as a double.
        return ["path": .string(file.path), "embedding": .array(values.map { .double(Double($0.description) ?? 0) })]
      case .failure(let error):
        return ["path": .string(file.path), "error": error.json]
      }
    }

    func json(_ files: [ImageFile]) -> JSONValue {
      let rows = files.indices.map { row($0, files[$0]) }
      return ["embeddings": .array(rows), "dimension": .integer(Int64(dimension)), "model": .string(model)]
    }

    /// What `--json` says of the file that was written.
    func summary(_ path: String) -> JSONValue {
      [
        "output": .string(path), "embeddings": .integer(Int64(embeddings.count - failures.entries.count)),
        "failed": .integer(Int64(failures.entries.count)), "failures": failures.json,
        "dimension": .integer(Int64(dimension)), "model": .string(model),
      ]
    }
  }

  static func encode(
    _ files: [ImageFile], _ options: ImageOptions, normalize: Bool, _ daemon: Connection
  ) throws(ClientError) -> Result {
    let unanswered = ErrorObject(.internalError, "no answer for this image")
    var result = Result(embeddings: files.map { _ in .failure(unanswered) })
    var batches = ImageBatches(files, options, try daemon.imageLimits())
    var bar = ProgressBar(total: files.count, unit: "image")
    try daemon.pipeline { () throws(ClientError) -> (call: Call, subject: [Int])? in
      while let batch = batches.take() {
        for failure in batch.failures {
          result.embeddings[failure.index] = .failure(ErrorObject(.imageUnreadable, failure.error.description))
        }
        bar.advance(by: batch.failures.count)
        guard !batch.images.isEmpty else { continue }
        let parameters = EncodeParameters(images: batch.images.map(\.picture), encoding: .base64, normalize: normalize)
        return (.encode(parameters), batch.images.map(\.index))
      }
      return nil
    } answered: { (indices, outcome) throws(ClientError) in
      switch outcome {
      case .failure(let error): for index in indices { result.embeddings[index] = .failure(error) }
      case .success(let value):
        let answer = try ConnectionOptions.read(value, EncodeAnswer.init)
        result.dimension = answer.dimension
        result.model = answer.model
        for (index, place) in zip(indices, answer.embeddings) {
          result.embeddings[index] = place.outcome.map(\.values)
        }
      }
      bar.advance(by: indices.count)
    }
    bar.finish()
    for (file, embedding) in zip(files, result.embeddings) {
      if case .failure(let error) = embedding { result.failures.add(file.path, error.message) }
    }
    return result
  }

  private func write(_ result: Result, _ files: [ImageFile], to path: String) throws(ClientError) {
    if path.hasSuffix(".npy") {
      let missing = [Float](repeating: .nan, count: result.dimension)
      let rows = result.embeddings.map { (try? $0.get()) ?? missing }
      guard result.dimension > 0 else { throw .nothing("no image could be encoded; \(path) was not written") }
      try Output.write(NPY.file(rows: rows, columns: result.dimension), to: path)
    } else {
      var bytes: [UInt8] = []
      for (index, file) in files.enumerated() { bytes += JSONWriter.line(of: result.row(index, file)) }
      try Output.write(bytes, to: path)
    }
    if !connection.json {
      let count = files.count - result.failures.entries.count
      Output.line("\(Text.count(count, "embedding")) of \(result.dimension) numbers in \(Text.clean(path))")
    }
  }

  private func show(_ result: Result, _ files: [ImageFile]) {
    var table = Table([
      .init(title: "Image", flexible: true), .init(title: "Dimension", right: true),
      .init(title: "Length", right: true),
      .init(title: "Begins", flexible: true),
    ])
    for (file, embedding) in zip(files, result.embeddings) {
      guard let values = try? embedding.get() else { continue }
      let length = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let begins = values.prefix(4).map { Text.fixed(Double($0), 4) }.joined(separator: " ")
      table.add([file.path, "\(values.count)", Text.fixed(length, 4), begins + " …"])
    }
    if !table.isEmpty { table.print() }
  }
}
