import EsViT
import Imaging
import OpenCL
import Operators

/// How long a JPEG file takes until its pixels are ready on the device: one image at a time, decoded by one thread.
struct ImageBenchmark {
  let model: Model
  let sampling: Sampling
  /// Pixels a side.
  var sides = [224, 512, 2048]

  func run(on device: PreparedDevice) async throws -> [BenchmarkReport.Picture] {
    let decoder = ImageDecoder(threads: 1)
    var pictures: [BenchmarkReport.Picture] = []
    for side in sides {
      let file = try TissuePattern.jpeg(side, side: side)
      let decoding = try await sampling.distribution { _ = try await decoder.decode(.bytes(file)) }
      let decoded = try await decoder.decode(.bytes(file)).image
      let image = RGB8Image(width: decoded.width, height: decoded.height, pixels: decoded.pixels)
      let resizing = try await DeviceActor.run {
        let preparation = try ImagePreparation(model: model, device: device)
        return try sampling.distribution { try preparation.run(image) }
      }
      pictures.append(.init(side: side, bytes: file.count, decoding: decoding, resizing: resizing))
    }
    return pictures
  }
}

/// Pixels in memory to the encoder's patches on the device, one image at a time.
@DeviceActor
final class ImagePreparation {
  private let queue: CommandQueue
  private let preprocess: Preprocess
  private let patches: Buffer<Float>

  init(model: Model, device: PreparedDevice) throws(OpenCLError) {
    queue = try device.context.queue
    preprocess = try Preprocess(
      context: device.context, resize: model.preprocessing.resize, crop: model.preprocessing.crop,
      patch: model.architecture.patchSize, variant: device.variants[.preprocess])
    patches = try device.context.makeBuffer(count: preprocess.patchCount)
  }

  /// Copies, resizes, cuts and waits.
  func run(_ image: RGB8Image) throws(OpenCLError) {
    try preprocess.enqueue([image], patches: patches)
    try queue.finish()
    preprocess.reset()
  }
}
