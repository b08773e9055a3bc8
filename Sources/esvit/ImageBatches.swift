import ArgumentParser
import Wire

/// How an image's file reaches the daemon.
struct ImageOptions: ParsableArguments {
  @Flag(help: "Send paths instead of files; the daemon must have been started with an --image-root above them.")
  var byPath = false

  @Option(
    help: ArgumentHelp(
      "Only this part of each image: corner in pixels of level 0, size in those of the level.",
      valueName: "x,y,width,height[@level]"))
  var region: Region?

  /// The file as a request carries it, and how many bytes it has.
  func picture(_ file: ImageFile, _ limits: Limits) throws(ClientError) -> (picture: Picture, bytes: Int) {
    guard file.isUTF8 else {
      throw .file(path: file.path, reason: "its path is not UTF-8, as ids and requests are; rename it")
    }
    guard !byPath else { return (Picture(.path(ImageFiles.absolute(file.path)), region: region), file.path.utf8.count) }
    let bytes = try ImageFiles.read(file.path, limit: min(limits.inlineFile, Self.bytes(inLine: limits)))
    return (Picture(.data(bytes), region: region), bytes.count)
  }

  /// Bytes of files that a line holds as base64, with room for what stands around them.
  static func bytes(inLine limits: Limits) -> Int { max(0, limits.line - (1 << 18)) / 4 * 3 }
}

/// Cuts a list of files into requests: enough images to fill the daemon's batches, few enough bytes for its limits.
struct ImageBatches {
  struct Batch {
    /// Places in the list of files, with their pictures.
    var images: [(index: Int, picture: Picture)] = []
    /// Files that could not be read here.
    var failures: [(index: Int, error: ClientError)] = []
  }

  private let files: [ImageFile]
  private let options: ImageOptions
  private let limits: Limits
  private var next = 0

  init(_ files: [ImageFile], _ options: ImageOptions, _ limits: Limits) {
    self.files = files
    self.options = options
    self.limits = limits
  }

  /// Images in a request, and bytes of files after which it is full.
  static func size(_ limits: Limits) -> (images: Int, bytes: Int) {
    (min(32, limits.items), min(16 << 20, ImageOptions.bytes(inLine: limits)))
  }

  /// The next request's images; nil at the end. A file that cannot be read fails alone.
  mutating func take() -> Batch? {
    guard next < files.count else { return nil }
    var batch = Batch()
    var size = 0
    let most = Self.size(limits)
    while next < files.count, batch.images.count < most.images, size < most.bytes {
      do {
        let (picture, bytes) = try options.picture(files[next], limits)
        // A large file goes in a request of its own, so that two never pass a line's limit together.
        if size > 0, size + bytes > most.bytes { break }
        batch.images.append((next, picture))
        size += bytes
      } catch { batch.failures.append((next, error)) }
      next += 1
    }
    return batch
  }
}

/// Failures of single items: each is told on standard error, up to a number, and counted.
struct FailureList {
  private(set) var entries: [(name: String, message: String)] = []
  private static let shown = 20

  mutating func add(_ name: String, _ message: String) { entries.append((name, message)) }

  func print() {
    for entry in entries.prefix(Self.shown) { Output.error("\(entry.name): \(entry.message)") }
    if entries.count > Self.shown {
      Output.error("and \(Text.grouped(entries.count - Self.shown)) more; --json names all")
    }
  }

  /// What `--json` says of them.
  var json: JSONValue {
    .array(entries.map { ["name": .string($0.name), "message": .string($0.message)] })
  }

  /// - Throws: `partly` unless everything went well.
  func throwIfAny(of total: Int, _ noun: String, plural: String? = nil) throws(ClientError) {
    guard !entries.isEmpty else { return }
    throw .partly("\(Text.grouped(entries.count)) of \(Text.count(total, noun, plural: plural)) failed")
  }
}
