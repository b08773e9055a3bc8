import EsViT
import Imaging
import OpenCL
import Retrieval
import Testing
import Wire

@testable import Daemon

@Suite struct ErrorMappingTests {
  private static let cases: [(any Error & Sendable, ErrorCode)] = [
    (ImageError.empty, .imageUnreadable), (ImageError.damaged(.jpeg, reason: "r"), .imageUnreadable),
    (ImageError.forbiddenPath("p", reason: "r"), .imageUnreadable),
    (ImageError.tooManyPixels(width: 9, height: 9, limit: 5), .tooLarge),
    (ImageError.overloaded(limit: 3), .overloaded),
    (EncodingError.notFinite, .internalError), (ArchiveError.collectionNotFound("c"), .notFound),
    (ArchiveError.itemNotFound(id: "i", collection: "c"), .notFound), (ArchiveError.collectionExists("c"), .conflict),
    (ArchiveError.itemExists(id: "i", collection: "c"), .conflict),
    (ArchiveError.modelMismatch(collection: "c", collectionModel: "a", loadedModel: "b"), .modelMismatch),
    (ArchiveError.dimensionMismatch(collection: "c", expected: 1, found: 2), .modelMismatch),
    (ArchiveError.invalid("r"), .invalidParams), (ArchiveError.tooLarge(what: "w", limit: 4), .tooLarge),
    (ArchiveError.diskFull(path: "p"), .storageFailure),
    (ArchiveError.readOnly(path: "p", reason: "r"), .storageFailure),
    (ArchiveError.damaged(path: "p", reason: "r"), .storageFailure), (ArchiveError.device("r"), .deviceFailure),
    (OpenCLError(status: -5, operation: "o"), .deviceFailure), (QueueFull(limit: 7), .overloaded),
    (RequestOverQueue(images: 9, limit: 8), .tooLarge),
    (CancellationError(), .shuttingDown), (MissingResult(), .internalError),
    (ErrorObject(.notReady, "m"), .notReady),
  ]

  @Test("each room's error has its code, a message and its limit")
  func codes() {
    for (error, code) in Self.cases {
      let mapped = ErrorObject(error, health: DeviceHealth())
      #expect(mapped.code == code, "\(error)")
      #expect(!mapped.message.isEmpty)
      if code == .tooLarge || code == .overloaded { #expect(mapped.limit != nil, "\(error)") }
    }
  }

  @Test("a failing device is tried again, and given up after failures in a row; the message says which")
  func device() {
    let health = DeviceHealth()
    let failure = OpenCLError(status: -5, operation: "encode")
    func fail() -> String { ErrorObject(failure, health: health).message }
    #expect(fail().contains("tried on it again"))
    #expect(fail().contains("tried on it again"))
    health.succeeded()
    #expect(fail().contains("tried on it again"))
    #expect(fail().contains("tried on it again"))
    #expect(!health.isLost.isOpen)
    #expect(fail().contains("daemon ends now"))
    #expect(health.isLost.isOpen)
  }
}
