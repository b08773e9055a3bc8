import Foundation
import Synchronization
import Testing

@testable import Imaging

@Suite struct ImageReaderTests {
  @Test("a decode that nobody waits for ends between two strips")
  func cancelled() throws {
    let asked = Atomic(0)
    let reader = ImageReader(limits: ImageLimits(), budget: MemoryBudget(bytes: 1 << 20)) {
      asked.add(1, ordering: .relaxed).newValue > 2
    }
    let error = #expect(throws: ImageError.self) {
      try Fixtures.data("plain.png").withUnsafeBytes { try reader.read($0, region: nil) }
    }
    #expect(error == .cancelled)
    // Two strips of eight rows were decoded, of four.
    #expect(asked.load(ordering: .relaxed) < 5)
  }

  @Test("a picture beyond the size that is explained fails all the same")
  func largeAndDamaged() async throws {
    // 5 megapixels of one colour; the data ends too soon.
    let file = try Fixtures.data("large-truncated.png")
    await #expect(throws: ImageError.damaged(.png, reason: "its pixels cannot be decoded")) {
      try await decoder.decode(.data(file))
    }
  }

  @Test("what an image is refused for is one of the protocol's errors")
  func kinds() {
    #expect(ImageError.empty.kind == .unreadable)
    #expect(ImageError.damaged(.jpeg, reason: "").kind == .unreadable)
    #expect(ImageError.forbiddenPath("", reason: "").kind == .unreadable)
    #expect(ImageError.noSuchLevel(1, levels: 1).kind == .invalidRegion)
    #expect(ImageError.tooManyPixels(width: 1, height: 1, limit: 7).kind == .tooLarge)
    #expect(ImageError.tooManyPixels(width: 1, height: 1, limit: 7).limit == 7)
    #expect(ImageError.overloaded(limit: 3).kind == .overloaded)
    #expect(ImageError.cancelled.kind == .cancelled)
  }
}
