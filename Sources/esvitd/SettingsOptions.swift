import ArgumentParser
import Daemon
import Foundation

/// The settings as flags; what is not given comes from the environment, the file or the default.
struct SettingsOptions: ParsableArguments {
  @Option(help: "The settings file. [default: $ESVIT_CONFIG, else /etc/esvitd/config.yaml]", completion: .file())
  var config: String?
  @Option(
    help: "A checkpoint (.safetensors, .pth) or random:swin-t-w7. [default: the installed model]", completion: .file())
  var model: String?
  @Option(help: "OpenCL device: auto, gpu, cpu, an index or a part of its name.")
  var device: String?
  @Option(help: "Precision of the encoder's linear layers: f32, bf16, int8, or auto by the model's header.")
  var precision: String?
  @Option(help: "Path of the socket.", completion: .file())
  var socket: String?
  @Option(help: "Group that may connect.")
  var socketGroup: String?
  @Option(help: "Directory of the archive.", completion: .directory)
  var state: String?
  @Option(help: "Directory of compiled kernels.", completion: .directory)
  var cache: String?
  @Option(help: "How long an image waits at most for others to fill its batch, e.g. 2ms.")
  var batchWait: String?
  @Option(help: "Images in a device batch, or auto.")
  var maxBatch: String?
  @Option(help: "Images that may be in hand over all clients.")
  var queueLength: String?
  @Option(help: "Image decoding threads, or auto.")
  var threads: String?
  @Option(help: "Directory below which clients may name images by path; may be repeated.", completion: .directory)
  var imageRoot: [String] = []
  @Option(help: "Format of vectors on the device: f16 or f32.")
  var vectors: String?
  @Flag(inversion: .prefixedNo, help: "Keep a thumbnail with each stored item.")
  var thumbnails: Bool?
  @Option(help: "Longest line, e.g. 64MiB.")
  var lineLimit: String?
  @Option(help: "Largest image file inside a line.")
  var inlineFileLimit: String?
  @Option(help: "Largest image file named by path.")
  var fileLimit: String?
  @Option(help: "Largest image in megapixels.")
  var megapixelLimit: String?
  @Option(help: "Items, images or queries in a request.")
  var itemLimit: String?
  @Option(help: "Connections at a time.")
  var connectionLimit: String?
  @Option(help: "Memory for requests in hand over all connections.")
  var memoryLimit: String?
  @Option(help: "Silence after which an idle connection is closed, e.g. 10min.")
  var idleTimeout: String?
  @Option(help: "Time that a client may leave a line unfinished or answers unread.")
  var stallTimeout: String?
  @Option(help: "Time to answer what is in hand after SIGTERM.")
  var drainTime: String?
  @Option(help: "Least level of the log: trace, debug, info, notice, warning, error or critical.")
  var logLevel: String?

  /// What was given, by key.
  var flags: [String: String] {
    let all: [(String, String?)] = [
      ("model", model), ("device", device), ("precision", precision), ("socket", socket), ("socket-group", socketGroup),
      ("state", state),
      ("cache", cache), ("batch-wait", batchWait), ("max-batch", maxBatch), ("queue-length", queueLength),
      ("threads", threads), ("image-root", imageRoot.isEmpty ? nil : imageRoot.joined(separator: ":")),
      ("vectors", vectors), ("thumbnails", thumbnails.map { $0 ? "true" : "false" }), ("line-limit", lineLimit),
      ("inline-file-limit", inlineFileLimit), ("file-limit", fileLimit), ("megapixel-limit", megapixelLimit),
      ("item-limit", itemLimit), ("connection-limit", connectionLimit), ("memory-limit", memoryLimit),
      ("idle-timeout", idleTimeout), ("stall-timeout", stallTimeout), ("drain-time", drainTime),
      ("log-level", logLevel),
    ]
    return Dictionary(uniqueKeysWithValues: all.compactMap { key, value in value.map { (key, $0) } })
  }

  /// The settings that hold, where each comes from, and the variables that look like settings but are none.
  ///
  /// - Throws: `SettingsError`, all problems at once.
  func read() throws -> (settings: Settings, origins: [SettingOrigin], unknownVariables: [String]) {
    let sources = try SettingsSources(
      flags: flags, environment: ProcessInfo.processInfo.environment, file: config)
    let (settings, origins) = try Settings.read(sources)
    return (settings, origins, sources.unknownVariables)
  }
}
