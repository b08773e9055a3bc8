import Crypto
import FoundationEssentials

/// Untrusted image files → upright sRGB pixels, on a fixed number of threads of its own.
///
/// Awaiting it blocks no thread of the cooperative pool. Of a cancelled task, waiting work is dropped and work at hand
/// ends early. A broken file fails alone, with its reason.
package final class ImageDecoder: Sendable {
  package let limits: ImageLimits
  private let pool: DecodingPool<DecodedImage>
  private let budget: MemoryBudget

  /// - Parameter threads: decodes at once; one a core is best.
  package init(limits: ImageLimits = .init(), threads: Int) {
    self.limits = limits
    pool = DecodingPool(threads: threads, limit: limits.waiting)
    budget = MemoryBudget(bytes: limits.memory)
    // Now rather than at the first image; a failure is told by every decode.
    try? Vips.start()
  }

  /// Images that wait for a thread.
  package var waitingCount: Int { pool.waitingCount }

  /// Decodes a file, or a region of it.
  /// - Parameters:
  ///   - region: a part; nil for the whole picture.
  ///   - side: the thumbnail's longer side in pixels, at most; nil for no thumbnail.
  /// - Throws: `ImageError`.
  package func decode(
    _ source: ImageSource, region: ImageRegion? = nil, thumbnail side: Int? = nil
  ) async throws(ImageError) -> DecodedImage {
    let answer = await pool.run { [limits, budget] cancellation in
      let reader = ImageReader(limits: limits, budget: budget) { cancellation.isCancelled }
      do throws(ImageError) {
        switch source {
        case .data(let data):
          try limits.checkInline(data.count)
          return .success(try Self.decode(data, reader, region, side))
        case .bytes(let bytes):
          try limits.checkInline(bytes.count)
          return .success(try Self.decode(bytes, reader, region, side))
        case .file(let path, let roots):
          return .success(try Self.decode(roots.open(path).read(limit: limits.fileBytes), reader, region, side))
        }
      } catch {
        return .failure(error)
      }
    }
    return try answer.get()
  }

  private static func decode(
    _ file: some ContiguousBytes, _ reader: ImageReader, _ region: ImageRegion?, _ side: Int?
  ) throws(ImageError) -> DecodedImage {
    let result: Result<DecodedImage, ImageError> = file.withUnsafeBytes { bytes in
      do throws(ImageError) {
        let format = try ImageFormat(of: bytes)
        let image = try reader.read(bytes, region: region)
        let thumbnail = if let side { try Thumbnail.jpeg(of: image, side: side) } else { Data?.none }
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return .success(
          DecodedImage(image: image, thumbnail: thumbnail, sha256: Data(hash.finalize()), format: format))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
