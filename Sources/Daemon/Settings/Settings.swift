// Everything that can be set, with its default and its range.
import Logging
import Wire

/// The format of the vectors on the device.
package enum VectorSetting: String, Sendable, CaseIterable {
  case f16, f32
}

/// The number format of the encoder's linear layers.
package enum PrecisionSetting: String, Sendable, CaseIterable {
  case f32, bf16, int8
  /// The fastest that the device has a kernel for and whose loss, as the model's header states it, is small enough.
  case auto
}

/// How much the log says.
package enum LogLevelSetting: String, Sendable, CaseIterable {
  case trace, debug, info, notice, warning, error, critical

  /// The same level in swift-log's terms.
  package var level: Logger.Level {
    Logger.Level(rawValue: rawValue) ?? .info
  }
}

/// The settings that hold, validated.
package struct Settings: Sendable {
  /// A checkpoint's path or `random:swin-t-w7`; nil: the model that was installed with the daemon.
  package var model: String?
  /// Which OpenCL device: `auto`, `gpu`, `cpu`, an index or a part of a name.
  package var device: String
  /// The precision of `encode` and of new collections.
  package var precision: PrecisionSetting
  /// Where the daemon listens.
  package var socket: String
  /// The group that may connect; nil: the daemon's own.
  package var socketGroup: String?
  /// The directory of the durable store.
  package var state: String
  /// The directory of compiled kernels and tuning results.
  package var cache: String
  /// How long an image waits at most for others to fill its batch.
  package var batchWait: Duration
  /// Images in a device batch; nil: 8 on a CPU, 32 elsewhere.
  package var maximumBatch: Int?
  /// Images that may wait or be in work, over all clients.
  package var queueLength: Int
  /// Decoding threads; nil: one a core.
  package var threads: Int?
  /// Directories below which `{"path": …}` may name an image.
  package var imageRoots: [String]
  /// The vectors' format on the device.
  package var vectors: VectorSetting
  /// Keep a thumbnail with each stored item.
  package var thumbnails: Bool
  /// The bounds on lines, files, images and connections.
  package var limits: Limits
  /// A connection with nothing in hand and nothing said for this long is closed.
  package var idleTimeout: Duration
  /// A peer that leaves a line unfinished, or its answers unread, for this long is disconnected.
  package var stallTimeout: Duration
  /// Time to answer what is in hand after SIGTERM.
  package var drainTime: Duration
  /// The least level that is logged.
  package var logLevel: LogLevelSetting
}

extension Settings {
  /// The descriptions of all settings, in the order of `esvitd config`.
  package enum Keys {
    static let model = Setting.optionalText("model", "a checkpoint's path or random:swin-t-w7 (s, b, w14)")
    static let device = Setting.text("device", "auto, gpu, cpu, an index or a part of a name") { _ in "auto" }
    static let precision = Setting<PrecisionSetting>.choice("precision", default: .f32)
    static let socket = Setting.path("socket") { $0.socket }
    static let socketGroup = Setting.optionalText("socket-group", "a group's name")
    static let state = Setting.path("state") { $0.state }
    static let cache = Setting.path("cache") { $0.cache }
    static let batchWait = Setting.duration("batch-wait", in: .zero ... .seconds(1), default: .milliseconds(2))
    static let maximumBatch = Setting.automaticCount("max-batch", in: 1...256)
    static let queueLength = Setting.count("queue-length", in: 1...1_000_000, default: 4096)
    static let threads = Setting.automaticCount("threads", in: 1...256)
    static let imageRoots = Setting.directories("image-root")
    static let vectors = Setting<VectorSetting>.choice("vectors", default: .f16)
    static let thumbnails = Setting.flag("thumbnails", default: true)
    static let line = Setting.bytes("line-limit", in: 4096...1 << 30, default: 64 << 20)
    static let inlineFile = Setting.bytes("inline-file-limit", in: 1024...1 << 30, default: 45 << 20)
    static let file = Setting.bytes("file-limit", in: 1024...1 << 30, default: 64 << 20)
    static let megapixels = Setting.count("megapixel-limit", in: 1...1000, default: 100)
    // The archive answers as many queries in one search, and no more.
    static let items = Setting.count("item-limit", in: 1...256, default: 256)
    static let connections = Setting.count("connection-limit", in: 1...65_536, default: 256)
    static let memory = Setting.bytes("memory-limit", in: 1 << 20...1 << 40, default: 512 << 20)
    static let idleTimeout = Setting.duration(
      "idle-timeout", in: .seconds(1) ... .seconds(86_400), default: .seconds(600))
    static let stallTimeout = Setting.duration(
      "stall-timeout", in: .seconds(1) ... .seconds(3600), default: .seconds(30))
    static let drainTime = Setting.duration("drain-time", in: .zero ... .seconds(3600), default: .seconds(30))
    static let logLevel = Setting<LogLevelSetting>.choice("log-level", default: .info)
  }

  /// The keys of all settings.
  static let knownKeys: [String] = {
    var reader = SettingsReader(sources: .none)
    _ = Settings(&reader)
    return reader.keys
  }()

  /// Reads every setting from `sources`, the first that has it wins.
  ///
  /// - Returns: the settings, and for `esvitd config` where each one comes from.
  /// - Throws: all that is wrong with them, at once.
  package static func read(_ sources: SettingsSources) throws(SettingsError) -> (Settings, [SettingOrigin]) {
    var reader = SettingsReader(sources: sources)
    let settings = Settings(&reader)
    return (settings, try reader.finish())
  }

  private init(_ reader: inout SettingsReader) {
    self.init(
      model: reader.read(Keys.model), device: reader.read(Keys.device),
      precision: reader.read(Keys.precision), socket: reader.read(Keys.socket),
      socketGroup: reader.read(Keys.socketGroup), state: reader.read(Keys.state), cache: reader.read(Keys.cache),
      batchWait: reader.read(Keys.batchWait), maximumBatch: reader.read(Keys.maximumBatch),
      queueLength: reader.read(Keys.queueLength), threads: reader.read(Keys.threads),
      imageRoots: reader.read(Keys.imageRoots), vectors: reader.read(Keys.vectors),
      thumbnails: reader.read(Keys.thumbnails),
      limits: Limits(&reader),
      idleTimeout: reader.read(Keys.idleTimeout), stallTimeout: reader.read(Keys.stallTimeout),
      drainTime: reader.read(Keys.drainTime), logLevel: reader.read(Keys.logLevel))
  }
}

extension Limits {
  fileprivate init(_ reader: inout SettingsReader) {
    self.init()
    line = reader.read(Settings.Keys.line)
    inlineFile = reader.read(Settings.Keys.inlineFile)
    pathFile = reader.read(Settings.Keys.file)
    pixels = reader.read(Settings.Keys.megapixels) * 1_000_000
    items = reader.read(Settings.Keys.items)
    connections = reader.read(Settings.Keys.connections)
    inHand = reader.read(Settings.Keys.memory)
  }
}
