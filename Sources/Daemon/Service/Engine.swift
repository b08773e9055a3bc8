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
  /// The precision of `encode` and of new collections; existing ones keep theirs.
  let precision: Precision
  /// The kernels in use.
  let variants: Variants
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
    @Sendable (
      _ device: String, _ model: Model, _ location: String, _ precisions: Set<Precision>, _ logger: Logger
    ) async throws -> PreparedDevice

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
    doing("opening the archive \(settings.state)")
    let folder = try await ArchiveFolder.open(URL(filePath: settings.state, directoryHint: .isDirectory))
    let kept = try await folder.precisions(ofModel: model.fingerprint)
    doing("opening the device \"\(settings.device)\" and checking its kernels")
    let choice = settings.precision.choice(for: model)
    let prepared = try await prepare(settings.device, model, location, kept.union(choice), logger)
    for warning in prepared.warnings { logger.warning("self-check", metadata: ["finding": "\(warning)"]) }
    let precision = choice.count == 1 ? choice[0] : choice.first(where: prepared.variants.isFast) ?? .f32
    let batch = settings.maximumBatch ?? (prepared.context.device.kind == .cpu ? 8 : 32)
    let encoders = try await warmEncoders(model, prepared, kept.union([precision]), batch)
    doing("loading the archive's vectors")
    let archive = try await Archive(
      folder, context: prepared.context, vectors: settings.vectors == .f16 ? .f16 : .f32,
      model: ModelIdentity(
        fingerprint: model.fingerprint, name: model.name, dimension: model.architecture.dimension,
        header: model.header),
      variants: prepared.variants)
    return Engine(
      model: model, prepared, encoders: encoders, precision: precision, batch: batch, archive: archive, roots: roots,
      settings, statistics, health)
  }

  /// - Throws: `SettingsError` that names the setting and what cannot be opened.
  static func imageRoots(_ directories: [String]) throws(SettingsError) -> ImageRoots {
    do { return try ImageRoots(directories) } catch {
      let remedy = "name a directory that is there and that the daemon's user may read"
      throw SettingsError(problems: ["image-root: \(error); \(remedy)"])
    }
  }

  /// An encoder a precision, once used: a driver may compile at a kernel's first launch, and that is better now than in a
  /// request.
  @DeviceActor
  private static func warmEncoders(
    _ model: Model, _ prepared: PreparedDevice, _ precisions: Set<Precision>, _ batch: Int
  ) throws -> [Precision: Encoder] {
    let grey = RGB8Image(width: 64, height: 64, pixels: [UInt8](repeating: 128, count: 3 * 64 * 64))
    var encoders: [Precision: Encoder] = [:]
    for precision in precisions {
      let encoder = try Encoder(
        model: model, context: prepared.context, maximumBatch: batch, precision: precision,
        variants: prepared.variants)
      for result in try encoder.encode([grey]) { _ = try result.get() }
      encoders[precision] = encoder
    }
    return encoders
  }

  private init(
    model: Model, _ prepared: PreparedDevice, encoders: [Precision: Encoder], precision: Precision, batch: Int,
    archive: Archive, roots: ImageRoots, _ settings: Settings, _ statistics: Statistics, _ health: DeviceHealth
  ) {
    let threads = settings.threads ?? ProcessInfo.processInfo.activeProcessorCount
    scheduler = Scheduler(
      encoder: DeviceEncoder(encoders, maximumBatch: batch, health: health), maximumBatch: batch,
      batchWait: settings.batchWait,
      queueLength: settings.queueLength, statistics: statistics)
    images = ImagePipeline(
      decoder: ImageDecoder(
        limits: ImageLimits(
          inlineBytes: settings.limits.inlineFile, fileBytes: settings.limits.pathFile,
          pixels: settings.limits.pixels, waiting: settings.queueLength),
        threads: threads),
      roots: roots, scheduler: scheduler, pixels: PixelMemory(limit: Self.pixelMemory, concurrency: threads + 1),
      statistics: statistics, health: health, window: 2 * batch + threads)
    device = prepared.context.device
    modelName = model.name
    fingerprint = model.fingerprint
    dimension = model.architecture.dimension
    self.precision = precision
    variants = prepared.variants
    self.archive = archive
    thumbnail = settings.thumbnails ? Self.thumbnailSide : nil
  }

  /// What embeddings that are computed here at `precision` are stored with.
  func encoderIdentity(_ precision: Precision) -> EncoderIdentity {
    EncoderIdentity(
      variant: variants[.gemm(of: precision)].rawValue, precision: precision.rawValue, version: DaemonVersion.current)
  }

  /// Runs blocking work on a thread of its own, so that `status` is answered meanwhile.
  private static func offPool<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
  }
}

extension PrecisionSetting {
  /// The precisions that it may come to for `model`, the most wanted first.
  fileprivate func choice(for model: Model) -> [Precision] {
    switch self {
    case .f32: [.f32]
    case .bf16: [.bf16]
    case .int8: [.int8]
    case .auto: model.acceptablePrecisions
    }
  }
}
