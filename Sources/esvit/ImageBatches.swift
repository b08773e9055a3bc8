import ArgumentParser
import Wire

/// How an image's file reaches the daemon.
struct ImageOptions: ParsableArguments {
  @Flag(help: "Send paths instead of files; the daemon must have been started with an --image-root above them.")
  var byPath = false

  @Option(
    help: ArgumentHelp(
      "Only this part of each image (tiled TIFF), in pixels of a level.", valueName: "x,y,width,height[@level]"))
  var region: Region?

  /// The file as a request carries it, and how many bytes of a line it takes.
  func picture(_ file: ImageFile) throws(ClientError) -> (picture: Picture, bytes: Int) {
    guard !byPath else { return (Picture(.path(ImageFiles.absolute(file.path)), region: region), file.path.utf8.count) }
    let bytes = try ImageFiles.read(file.path, limit: Limits().inlineFile)
    return (Picture(.data(bytes), region: region), bytes.count)
  }
}

/// Cuts a list of files into requests: enough images to fill the daemon's batches, few enough bytes for its limits.
struct ImageBatches {
  struct Batch {
    /// Places in the list of files, with their pictures.
    var images: [(index: Int, picture: Picture)] = []
    /// Files that could not be read here.
    var failures: [(index: Int, error: ClientError)] = []
  }

  static let images = 32
  static let bytes = 16 << 20

  private let files: [ImageFile]
  private let options: ImageOptions
  private var next = 0

  init(_ files: [ImageFile], _ options: ImageOptions) {
    self.files = files
    self.options = options
  }

  /// The next request's images; nil at the end. A file that cannot be read fails alone.
  mutating func take() -> Batch? {
    guard next < files.count else { return nil }
    var batch = Batch()
    var size = 0
    while next < files.count, batch.images.count < Self.images, size < Self.bytes {
      do {
        let (picture, bytes) = try options.picture(files[next])
        // A large file goes in a request of its own, so that two never pass a line's limit together.
        if size > 0, size + bytes > Self.bytes { break }
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
