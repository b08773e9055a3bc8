// Every room's errors as the protocol's: one place that says which is which.
import EsViT
import Imaging
import OpenCL
import Retrieval
import Wire

extension ErrorObject {
  /// The protocol's error for what a room threw.
  ///
  /// - Parameter health: told of failures of the device; it says what the daemon does next.
  init(_ error: any Error, health: DeviceHealth) {
    switch error {
    case let error as ErrorObject: self = error
    case let error as ImageError: self.init(image: error)
    case let error as EncodingError: self.init(encoding: error)
    case let error as ArchiveError: self.init(archive: error, health: health)
    case let error as QueueFull:
      self.init(
        .overloaded, "the queue is full: at most \(error.limit) images may be in hand over all clients; try again",
        limit: error.limit)
    case let error as RequestOverQueue:
      self.init(
        .tooLarge,
        "the request has \(error.images) images, and the queue holds \(error.limit) (queue-length); send fewer at a time",
        limit: error.limit)
    case let error as OpenCLError: self = .deviceFailure("\(error)", health)
    case is CancellationError: self.init(.shuttingDown, "the request was cancelled before it was done")
    default: self.init(.internalError, "\(error)")
    }
  }

  private static func deviceFailure(_ reason: String, _ health: DeviceHealth) -> ErrorObject {
    ErrorObject(.deviceFailure, "the device failed: \(reason); \(health.failed())")
  }

  private init(image error: ImageError) {
    switch error.kind {
    case .unreadable: self.init(.imageUnreadable, "\(error)")
    case .invalidRegion: self.init(.invalidParams, "\(error)")
    case .tooLarge: self.init(.tooLarge, "\(error)", limit: error.limit)
    case .overloaded: self.init(.overloaded, "\(error)", limit: error.limit)
    case .cancelled: self.init(.shuttingDown, "\(error)")
    case .internalError: self.init(.internalError, "\(error)")
    }
  }

  private init(encoding error: EncodingError) {
    switch error {
    case .invalidImage: self.init(.imageUnreadable, "\(error)")
    case .notFinite: self.init(.internalError, "\(error)")
    }
  }

  private init(archive error: ArchiveError, health: DeviceHealth) {
    switch error {
    case .collectionNotFound, .itemNotFound: self.init(.notFound, "\(error)")
    case .collectionExists, .itemExists: self.init(.conflict, "\(error)")
    case .modelMismatch, .dimensionMismatch: self.init(.modelMismatch, "\(error)")
    case .invalid: self.init(.invalidParams, "\(error)")
    case .answerTooLarge(let limit): self = .answerTooLarge(limit: limit)
    case .tooLarge(_, let limit): self.init(.tooLarge, "\(error)", limit: limit)
    case .inUse, .foreign, .newer, .diskFull, .readOnly, .damaged, .storage: self.init(.storageFailure, "\(error)")
    case .device(let reason): self = .deviceFailure(reason, health)
    }
  }
}
