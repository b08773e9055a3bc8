// Everything that answers need, loaded and resident.
import EsViT
import Foundation
import Imaging
import Logging
import OpenCL
import Operators
import Retrieval
import Wire

/// The loaded model on its device, with the archive and the way of images to it.
struct Engine: Sendable {
  let device: Device
  let modelName: String
  let fingerprint: String
  let dimension: Int
  /// What embeddings that are computed here are stored with.
  let encoderIdentity: EncoderIdentity
  let scheduler: Scheduler<DeviceEncoder>
  let images: ImagePipeline
  let archive: Archive
  /// Longer side of stored thumbnails in pixels; nil where none are kept.
  let thumbnail: Int?

  /// Longer side of a stored thumbnail (protocol.md, "Values").
  static let thumbnailSide = 192
  /// Bytes of decoded images in hand.
  static let pixelMemory = 512 << 20

  /// Opens a device for a model that was loaded from a location; `PreparedDevice.prepare` but in tests, whose program
  /// has no `prebuild`.
  typealias Preparation =
    @Sendable (_ device: String, _ model: Model, _ location: String, _ logger: Logger) async throws -> PreparedDevice

  /// Loads everything, one step after the other.
  ///
  /// - Parameters:
  ///   - prepare: opens the device.
  ///   - health: watches the device from now on.
  ///   - doing: told what is being done, for `status` and the service manager.
  /// - Throws: the room's error that hinders it.
  static func load(
    _ settings: Settings, prepare: Preparation, statistics: Statistics, health: DeviceHealth, logger: Logger,
    doing: @escaping @Sendable (String) -> Void
  ) async throws -> Engine {
    let roots = try imageRoots(settings.imageRoots)
    let location = try settings.model ?? Model.defaultLocation()
    doing("reading the model \(location)")
    let model = try await offPool { try Model.load(location) }
    doing("opening the device \"\(settings.device)\" and checking its kernels")
    let prepared = try await prepare(settings.device, model, location, logger)
    for warning in prepared.warnings { logger.warning("self-check", metadata: ["finding": "\(warning)"]) }
    let batch = settings.maximumBatch ?? (prepared.context.device.kind == .cpu ? 8 : 32)
    let encoder = try await warmEncoder(model, prepared, batch)
    doing("loading the archive \(settings.state)")
    let archive = try await Archive(
      state: URL(filePath: settings.state, directoryHint: .isDirectory), context: prepared.context,
      vectors: settings.vectors == .f16 ? .f16 : .f32,
      model: ModelIdentity(
        fingerprint: model.fingerprint, name: model.name, dimension: encoder.dimension, header: model.header),
      variants: prepared.variants)
    return Engine(
      model: model, device: prepared.context.device, encoder: encoder, batch: batch, archive: archive, roots: roots,
      settings, statistics, health)
  }

  /// - Throws: `SettingsError` that names the setting and what cannot be opened.
  static func imageRoots(_ directories: [String]) throws(SettingsError) -> ImageRoots {
    do { return try ImageRoots(directories) } catch {
      let remedy = "name a directory that is there and that the daemon's user may read"
      throw SettingsError(problems: ["image-root: \(error); \(remedy)"])
    }
  }

  /// The encoder, once used: a driver may compile at a kernel's first launch, and that is better now than in a request.
  @DeviceActor
  private static func warmEncoder(_ model: Model, _ prepared: PreparedDevice, _ batch: Int) throws -> Encoder {
    let encoder = try Encoder(
      model: model, context: prepared.context, maximumBatch: batch, variants: prepared.variants)
    let grey = RGB8Image(width: 64, height: 64, pixels: [UInt8](repeating: 128, count: 3 * 64 * 64))
    for result in try encoder.encode([grey]) { _ = try result.get() }
    return encoder
  }

  private init(
    model: Model, device: Device, encoder: Encoder, batch: Int, archive: Archive, roots: ImageRoots,
    _ settings: Settings, _ statistics: Statistics, _ health: DeviceHealth
  ) {
    let threads = settings.threads ?? ProcessInfo.processInfo.activeProcessorCount
    scheduler = Scheduler(
      encoder: DeviceEncoder(encoder, health: health), maximumBatch: batch, batchWait: settings.batchWait,
      queueLength: settings.queueLength, statistics: statistics)
    images = ImagePipeline(
      decoder: ImageDecoder(
        limits: ImageLimits(
          inlineBytes: settings.limits.inlineFile, fileBytes: settings.limits.pathFile,
          pixels: settings.limits.pixels, waiting: settings.queueLength),
        threads: threads),
      roots: roots, scheduler: scheduler, pixels: PixelMemory(limit: Self.pixelMemory, concurrency: threads + 1),
      statistics: statistics, health: health, window: 2 * batch + threads)
    self.device = device
    modelName = model.name
    fingerprint = model.fingerprint
    dimension = encoder.dimension
    encoderIdentity = EncoderIdentity(
      variant: encoder.variants[.gemm].rawValue, precision: "f32", version: DaemonVersion.current)
    self.archive = archive
    thumbnail = settings.thumbnails ? Self.thumbnailSide : nil
  }

  /// Runs blocking work on a thread of its own, so that `status` is answered meanwhile.
  private static func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
  }
}
