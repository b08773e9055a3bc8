import OpenCL
import Operators

/// EsViT's Swin backbone on a device: images in, embeddings out (EsViT, arXiv 2106.09785, section 3.1).
///
/// Everything is allocated and compiled at `init`. An image's embedding is the same, bit for bit, alone and at any place
/// of any batch.
@DeviceActor
package final class Encoder {
  /// Length of an embedding.
  package nonisolated let dimension: Int
  /// Images that one call of `encode` takes.
  package nonisolated let maximumBatch: Int
  /// The number format of the linear layers' weights and operands; the patch embedding's are f32.
  package nonisolated let precision: Precision
  /// The kernels in use.
  package nonisolated let variants: Variants

  private let context: Context
  private let preprocess: Preprocess
  private let embedding: PatchEmbedding
  private let stages: [EncoderStage]
  private let norm: LayerNorm
  private let pool: Pool
  /// Tokens a side behind the patch embedding and behind the last stage.
  private let firstSide: Int
  private let lastSide: Int

  /// Images that go through the network together; a larger batch takes several rounds, so that memory stays bounded.
  private let round: Int
  private let buffers: Activations
  /// `[round, 2, dimension]`: of each image as it is, then of length 1.
  private let embeddings: Buffer<Float>

  /// Puts `model` on the context's device.
  ///
  /// - Parameter variants: the kernels to use; the fastest for the device where nil. `SelfCheck` says which of them hold.
  /// - Throws: `EncoderError` where the model lacks a tensor, `OpenCLError` where the device refuses.
  package init(
    model: Model, context: Context, maximumBatch: Int = 32, precision: Precision = .f32, variants: Variants? = nil
  ) throws {
    let variants = variants ?? .preferred(for: context.device)
    let architecture = model.architecture
    let patch = architecture.patchSize
    let crop = model.preprocessing.crop
    guard crop.isMultiple(of: patch), crop >= patch << (architecture.stages - 1) else {
      throw EncoderError.preprocessing(
        "a crop of \(crop) pixels gives no whole patches of \(patch) for \(architecture.stages) stages")
    }
    self.context = context
    self.precision = precision
    self.variants = variants
    self.maximumBatch = max(1, maximumBatch)
    dimension = architecture.dimension
    firstSide = crop / patch

    let weights = ModelWeights(tensors: model.tensors)
    let c = architecture.embedDimension
    preprocess = try Preprocess(
      context: context, resize: model.preprocessing.resize, crop: crop, patch: patch, variant: variants[.preprocess])
    embedding = try PatchEmbedding(
      context: context, patch: patch, weight: try weights.vector("patch_embed.proj.weight", c, 3, patch, patch),
      bias: try weights.vector("patch_embed.proj.bias", c), mean: model.preprocessing.mean,
      std: model.preprocessing.std, norm: try weights.norm("patch_embed.norm", c), variants: variants)
    var stages: [EncoderStage] = []
    var side = firstSide
    for stage in 0..<architecture.stages {
      stages.append(
        try EncoderStage(
          stage, side: side, of: weights, architecture, context: context, precision: precision, variants: variants))
      side = stages[stage].nextSide
    }
    self.stages = stages
    lastSide = side
    norm = try LayerNorm(context: context, channels: dimension, variant: variants[.layerNorm])
    let (scale, shift) = try weights.norm("norm", dimension)
    pool = try Pool(context: context, scale: scale, shift: shift)

    let round = Self.round(stages, maximumBatch: self.maximumBatch, device: context.device)
    self.round = round
    // The first stage is the largest: each later one has a quarter of the tokens (rounded up) and twice the channels.
    let tokens = stages.enumerated().map {
      GEMM.paddedRows(round * $1.side * $1.side) * architecture.channels(stage: $0)
    }.reduce(0, max)
    let patches = GEMM.paddedRows(round * firstSide * firstSide) * patch * patch * 3
    let wide = stages.map { $0.wideCount(images: round) }.reduce(0, max)
    // Groups that share a step have 16 values at least.
    func steps(_ values: Int) throws(OpenCLError) -> Buffer<Float>? {
      precision == .int8 ? try context.makeBuffer(count: values / 16) : nil
    }
    buffers = Activations(
      tokens: try context.makeBuffer(count: tokens),
      narrow: Operand(
        values: try context.makeBuffer(count: max(tokens, patches)), steps: try steps(tokens)),
      wide: Operand(
        values: try context.makeBuffer(count: wide), steps: try steps(wide)))
    embeddings = try context.makeBuffer(count: round * 2 * dimension)
  }

  /// Encodes up to `maximumBatch` images.
  ///
  /// - Returns: one result an image, in order.
  /// - Throws: `EncoderError.batchTooLarge`; `OpenCLError` where the device fails.
  package func encode(_ images: [RGB8Image]) throws -> [Result<Embedding, EncodingError>] {
    guard images.count <= maximumBatch else {
      throw EncoderError.batchTooLarge(count: images.count, maximum: maximumBatch)
    }
    var results: [Result<Embedding, EncodingError>] = images.map {
      .failure(.invalidImage(width: $0.width, height: $0.height, bytes: $0.pixels.count))
    }
    let valid = images.indices.filter { images[$0].isValid }
    for start in stride(from: 0, to: valid.count, by: round) {
      let places = valid[start..<min(start + round, valid.count)]
      for (place, embedding) in zip(places, try encodeRound(places.map { images[$0] })) { results[place] = embedding }
    }
    return results
  }

  /// On a CPU as many images as keep the widest activations in its caches: beyond that every layer waits for memory (8
  /// images of Swin-T at once take 6 % longer than 3 and 3 and 2, layer by layer; where blocks are one kernel, 8 are 4 %
  /// faster). On other devices the whole batch.
  private static func round(_ stages: [EncoderStage], maximumBatch: Int, device: Device) -> Int {
    guard device.kind == .cpu else { return maximumBatch }
    let widest = stages.map { 4 * $0.wideCount(images: 1) }.reduce(1, max)
    return max(1, min(maximumBatch, 8, (16 << 20) / widest))
  }

  /// Runs every kernel once at each way it is launched, so that a driver that compiles at the first launch (PoCL does,
  /// for each work-group size) has nothing left to compile. To be called before the first request.
  package func warmUp() throws(OpenCLError) {
    let image = RGB8Image(width: 320, height: 240, pixels: [UInt8](repeating: 127, count: 320 * 240 * 3))
    _ = try encodeRound([image])
    if round > 1 { _ = try encodeRound([RGB8Image](repeating: image, count: round)) }
  }

  private func encodeRound(_ images: [RGB8Image]) throws(OpenCLError) -> [Result<Embedding, EncodingError>] {
    let count = images.count
    let queue = try context.queue
    try preprocess.enqueue(images, patches: buffers.narrow.values)
    try embedding.enqueue(patches: buffers.narrow.values, tokens: buffers.tokens, rows: count * firstSide * firstSide)
    for stage in stages { try stage.enqueue(buffers, images: count) }
    let last = lastSide * lastSide
    try norm.enqueue(input: buffers.tokens, output: buffers.narrow, rows: count * last)
    try pool.enqueue(tokens: buffers.narrow.values, output: embeddings, images: count, tokensPerImage: last)
    let values = try queue.read(embeddings, count: count * 2 * dimension)
    preprocess.reset()
    return (0..<count).map { i in
      let pair = values[2 * i * dimension..<2 * (i + 1) * dimension]
      let embedding = Embedding(raw: Array(pair.prefix(dimension)), normalized: Array(pair.suffix(dimension)))
      guard embedding.raw.allSatisfy(\.isFinite), embedding.normalized.allSatisfy(\.isFinite) else {
        return .failure(.notFinite)
      }
      return .success(embedding)
    }
  }
}
