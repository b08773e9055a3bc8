import ArgumentParser
import Glibc
import Wire

/// `esvit bench`
struct BenchCommand: DaemonCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast the daemon answers, beside its device's own speed.",
    discussion: """
      Clients send one image each, wait for the answer and send the next: encode, then search among a collection's \
      items. What the daemon says of its own work meanwhile shows where the time goes; run it on an idle daemon.

        esvit bench colorectal tiles/ --clients 1 --clients 16

      Wait is the time in the queue for the device; Rest is socket, JSON and base64; Device/s is what the device \
      encodes in a second of work, Busy the part of the time in which it works. `esvitd bench` measures the device alone.
      """)

  @Argument(help: "The collection that is searched.") var collection: String
  @Argument(help: "Image files, folders or patterns.", completion: .file()) var images: [String]

  @Option(help: ArgumentHelp("Clients at a time; repeat it for one measurement after the other.", valueName: "count"))
  var clients: [Int] = [1, 16]
  @Option(help: "Seconds of each measurement.") var seconds = 10.0
  @OptionGroup var image: ImageOptions
  @OptionGroup var connection: ConnectionOptions

  /// Bytes of requests that are kept; of many files the first ones are used.
  private static let mostBytes = 256 << 20

  func validate() throws {
    guard !images.isEmpty else { throw ValidationError("Name at least one image or folder.") }
    guard clients.allSatisfy({ 1...65_535 ~= $0 }) else { throw ValidationError("--clients: expected 1 to 65535") }
    guard seconds > 0, seconds <= 3_600 else { throw ValidationError("--seconds: expected up to 3600, above zero") }
  }

  func run() throws {
    let files = try ImageFiles.expand(images)
    let daemon = try connection.connect()
    let limits = try daemon.limits()
    guard let most = clients.max(), most < limits.connections else {
      throw ClientError.usage(
        "--clients: the daemon takes \(limits.connections) connections (connection-limit), and one of them is needed here"
      )
    }
    var pictures: [(file: ImageFile, picture: Picture)] = []
    var bytes = 0
    for file in files where bytes < Self.mostBytes {
      let (picture, count) = try image.picture(file, limits)
      pictures.append((file, picture))
      bytes += count
    }
    var report = BenchReport(images: pictures.count)
    for method in ["encode", "search"] {
      let subjects = pictures.map { Load.Subject(name: $0.file.path, line: line(method, $0.picture)) }
      for count in clients { report.runs.append(try measure(method, count, subjects, daemon)) }
    }
    if connection.json { Output.json(report.json) } else { report.show() }
  }

  private func line(_ method: String, _ picture: Picture) -> [UInt8] {
    let call: Call =
      method == "encode"
      ? .encode(EncodeParameters(images: [picture], encoding: .base64))
      : .search(SearchParameters(collection: collection, queries: [Query(.content(.image(picture)))]))
    return call.line(id: .number(1))
  }

  private func measure(
    _ method: String, _ count: Int, _ subjects: [Load.Subject], _ daemon: Connection
  ) throws(ClientError) -> BenchReport.Run {
    if isatty(STDERR_FILENO) == 1 { Output.standardError("\(method), \(Text.count(count, "client"))\n") }
    var connections: [Connection] = []
    for _ in 0..<count { connections.append(try connection.connect()) }
    var load = Load(connections, subjects) { Self.failure(method, $0) }
    // Caches fill and clocks rise before anything counts.
    _ = try load.run(seconds: min(1, seconds / 10))
    let before = try DaemonSums(of: daemon)
    let start = ContinuousClock.now
    let seen = try load.run(seconds: seconds)
    let took = start.duration(to: .now).components
    return BenchReport.Run(
      method: method, clients: count, seen: seen, daemon: try DaemonSums(of: daemon) - before,
      seconds: Double(took.seconds) + Double(took.attoseconds) * 1e-18)
  }

  /// What is wrong with a result, if anything: an image that could not be read has its error in its place.
  private static func failure(_ method: String, _ result: JSONValue) -> ErrorObject? {
    let malformed = ErrorObject(.internalError, "the daemon's answer cannot be understood")
    let outcome =
      method == "encode"
      ? EncodeAnswer(result)?.embeddings.first.map { $0.outcome.map { _ in } }
      : SearchAnswer(result)?.results.first.map { $0.outcome.map { _ in } }
    switch outcome {
    case .success?: return nil
    case .failure(let error)?: return error
    case nil: return malformed
    }
  }
}
