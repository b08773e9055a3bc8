// Pictures of a request to embeddings: decoding and encoding overlap.
import Crypto
import EsViT
import FoundationEssentials
import Imaging
import Operators
import Wire

/// Takes a request's pictures through decoding and the scheduler, a window of them at a time.
struct ImagePipeline: Sendable {
  /// One picture to encode.
  struct Job: Sendable {
    let picture: Picture
    /// The hash of the file that is stored under the picture's id: the same file need not be encoded again.
    var knownHash: Data?
  }

  /// What became of a picture.
  enum Outcome: Sendable {
    case encoded(Embedding, thumbnail: Data?, sha256: Data)
    /// It is the file that is known already.
    case known
  }

  let decoder: ImageDecoder
  let roots: ImageRoots
  let scheduler: Scheduler<DeviceEncoder>
  let pixels: PixelMemory
  let statistics: Statistics
  let health: DeviceHealth
  /// Pictures of one request in decoding or in the queue at a time: enough to fill the next batch during this one.
  let window: Int

  /// Encodes `jobs`.
  ///
  /// - Parameters:
  ///   - precision: of the collection that they are for.
  ///   - lane: the client's connection.
  ///   - thumbnail: longer side of the thumbnails to make; nil for none.
  ///   - progress: told how many are done, at most ten times a second.
  /// - Returns: one result a job, in order; a picture that cannot be decoded or encoded fails alone.
  /// - Throws: what concerns the whole request: a full queue, the device's failure, cancellation.
  func run(
    _ jobs: [Job], precision: Precision, lane: Int, thumbnail: Int?, progress: (@Sendable (Int) async -> Void)? = nil
  ) async throws -> [Result<Outcome, ErrorObject>] {
    guard !jobs.isEmpty else { return [] }
    return try await scheduler.withPlaces(jobs.count, lane: lane) { places in
      try await withThrowingTaskGroup(of: (Int, Result<Outcome, ErrorObject>).self) { group in
        var results = [Result<Outcome, ErrorObject>?](repeating: nil, count: jobs.count)
        var told = ContinuousClock.now
        var (next, done) = (0, 0)
        while done < jobs.count {
          while next < jobs.count, next - done < window {
            let index = next
            group.addTask { (index, try await run(jobs[index], precision, lane: lane, thumbnail: thumbnail, places)) }
            next += 1
          }
          guard let (index, result) = try await group.next() else { break }
          results[index] = result
          done += 1
          if let progress, done == jobs.count || told.duration(to: .now) > .milliseconds(100) {
            told = .now
            await progress(done)
          }
        }
        return results.map { $0 ?? .failure(ErrorObject(.internalError, "a picture was left out")) }
      }
    }
  }

  private func run(
    _ job: Job, _ precision: Precision, lane: Int, thumbnail: Int?, _ places: Scheduler<DeviceEncoder>.Places
  ) async throws -> Result<Outcome, ErrorObject> {
    if let known = job.knownHash, case .data(let file) = job.picture.source, Data(SHA256.hash(data: file)) == known {
      await places.forgo()
      return .success(.known)
    }
    let decoded: DecodedImage
    do {
      decoded = try await decode(job.picture, lane: lane, thumbnail: thumbnail)
    } catch {
      await places.forgo()
      if error is CancellationError { throw error }
      return .failure(ErrorObject(error, health: health))
    }
    let bytes = decoded.image.pixels.count
    if decoded.sha256 == job.knownHash {
      await places.forgo()
      await pixels.free(bytes)
      return .success(.known)
    }
    let image = RGB8Image(width: decoded.image.width, height: decoded.image.height, pixels: decoded.image.pixels)
    do {
      let embedding = try await places.encode(DeviceEncoder.Image(pixels: image, precision: precision))
      await pixels.free(bytes)
      return .success(.encoded(embedding, thumbnail: decoded.thumbnail, sha256: decoded.sha256))
    } catch let error as EncodingError {
      await pixels.free(bytes)
      return .failure(ErrorObject(error, health: health))
    } catch {
      await pixels.free(bytes)
      throw error
    }
  }

  /// Decodes when there is room for the pixels, which stay charged until they are freed.
  private func decode(_ picture: Picture, lane: Int, thumbnail: Int?) async throws -> DecodedImage {
    try await pixels.enter(lane: lane)
    let start = ContinuousClock.now
    do {
      let source: ImageSource =
        switch picture.source {
        case .data(let bytes): .bytes(bytes)
        case .path(let path): .file(path, below: roots)
        }
      let decoded = try await decoder.decode(source, region: picture.region.map(ImageRegion.init), thumbnail: thumbnail)
      statistics.record(.decode, start.duration(to: .now))
      await pixels.leave(holding: decoded.image.pixels.count)
      return decoded
    } catch {
      await pixels.leave(holding: 0)
      throw error
    }
  }
}
