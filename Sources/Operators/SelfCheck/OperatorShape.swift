/// One operation at one size: what a check runs, and what its table prints.
package enum OperatorShape: Sendable, Hashable, CustomStringConvertible {
  case preprocess(width: Int, height: Int, resize: Int, crop: Int, patch: Int)
  case patchEmbedding(rows: Int, patch: Int, channels: Int)
  /// - `precision`: of the layer that reads the rows; the same below.
  case layerNorm(rows: Int, channels: Int, precision: Precision = .f32)
  /// - `group`: inputs that share a scale, for int8; all where nil.
  case gemm(
    rows: Int, inputs: Int, outputs: Int, epilogue: GEMM.Epilogue, precision: Precision = .f32, group: Int? = nil)
  case windowAttention(images: Int, WindowAttention.Shape, precision: Precision = .f32)
  case swinBlock(images: Int, WindowAttention.Shape, precision: Precision = .f32)
  case patchMerging(images: Int, side: Int, channels: Int, precision: Precision = .f32)
  case pool(images: Int, tokens: Int, channels: Int)
  case distance(rows: Int, queries: Int, dimension: Int, format: VectorFormat)
  case distanceInt8(rows: Int, queries: Int, dimension: Int, format: VectorFormat)
  case topK(rows: Int, k: Int)

  package var kind: OperatorKind {
    switch self {
    case .preprocess: .preprocess
    case .patchEmbedding: .patchEmbedding
    case .layerNorm: .layerNorm
    case .gemm(_, _, _, _, let precision, _): .gemm(of: precision)
    case .windowAttention: .windowAttention
    case .swinBlock: .swinBlock
    case .patchMerging: .patchMerging
    case .pool: .pool
    case .distance: .distance
    case .distanceInt8: .distanceInt8
    case .topK: .topK
    }
  }

  package var description: String {
    switch self {
    case .preprocess(let width, let height, let resize, let crop, _):
      "\(width)×\(height) → \(resize) → \(crop)"
    case .patchEmbedding(let rows, let patch, let channels): "\(rows)×\(3 * patch * patch) → \(channels)"
    case .layerNorm(let rows, let channels, let precision): "\(precision.note)\(rows)×\(channels)"
    case .gemm(let rows, let inputs, let outputs, let epilogue, let precision, _):
      "\(precision.note)\(rows)×\(inputs) → \(outputs), \(epilogue)"
    case .windowAttention(let images, let shape, let precision): "\(precision.note)\(images)×\(shape)"
    case .swinBlock(let images, let shape, let precision): "\(precision.note)\(images)×\(shape)"
    case .patchMerging(let images, let side, let channels, let precision):
      "\(precision.note)\(images)×\(side)²×\(channels)"
    case .pool(let images, let tokens, let channels): "\(images)×\(tokens)×\(channels)"
    case .distance(let rows, let queries, let dimension, let format):
      "\(rows)×\(dimension) \(format.rawValue), queries \(queries)"
    case .distanceInt8(let rows, let queries, let dimension, let format):
      "\(rows)×\(dimension) of \(format.rawValue), queries \(queries)"
    case .topK(let rows, let k): "\(k) of \(rows)"
    }
  }

  /// A few small, ragged shapes of every operation: what is checked at every start, in milliseconds.
  package static let small: [OperatorShape] = [
    .preprocess(width: 61, height: 43, resize: 36, crop: 32, patch: 4),
    .preprocess(width: 20, height: 31, resize: 36, crop: 32, patch: 4),
    .preprocess(width: 600, height: 40, resize: 36, crop: 16, patch: 4),
    .patchEmbedding(rows: 50, patch: 4, channels: 96),
    .layerNorm(rows: 1, channels: 24),
    .layerNorm(rows: 50, channels: 96),
    .gemm(rows: 1, inputs: 48, outputs: 96, epilogue: .bias),
    .gemm(rows: 7, inputs: 96, outputs: 64, epilogue: .gelu),
    .gemm(rows: 50, inputs: 33, outputs: 130, epilogue: .residual),
    .windowAttention(images: 2, .init(side: 14, window: 7, shift: 3, heads: 3, headDimension: 32)),
    .windowAttention(images: 1, .init(side: 10, window: 7, shift: 3, heads: 2, headDimension: 16)),
    .windowAttention(images: 1, .init(side: 14, window: 14, shift: 0, heads: 1, headDimension: 32)),
    .swinBlock(images: 1, .init(side: 14, window: 7, shift: 3, heads: 2, headDimension: 16)),
    .patchMerging(images: 2, side: 7, channels: 32),
    .pool(images: 2, tokens: 49, channels: 96),
    .distance(rows: 100, queries: 3, dimension: 96, format: .f16),
    .distance(rows: 100, queries: 1, dimension: 50, format: .f32),
    .distanceInt8(rows: 100, queries: 1, dimension: 50, format: .f32),
    .distanceInt8(rows: 100, queries: 10, dimension: 96, format: .f16),
    .topK(rows: 100, k: 10),
    .topK(rows: 20_000, k: 10),
  ]

  /// What is checked at every start where linear layers of `precision` are used, beside `small`.
  package static func small(of precision: Precision) -> [OperatorShape] {
    if precision == .f32 { return [] }
    return [
      .gemm(rows: 7, inputs: 96, outputs: 64, epilogue: .gelu, precision: precision),
      .gemm(rows: 50, inputs: 64, outputs: 144, epilogue: .residual, precision: precision, group: 32),
      .gemm(rows: 9, inputs: 33, outputs: 130, epilogue: .bias, precision: precision),
      .layerNorm(rows: 9, channels: 96, precision: precision),
      .windowAttention(
        images: 1, .init(side: 14, window: 7, shift: 3, heads: 3, headDimension: 32), precision: precision),
      .swinBlock(
        images: 1, .init(side: 14, window: 7, shift: 3, heads: 2, headDimension: 32), precision: precision),
      .patchMerging(images: 1, side: 7, channels: 32, precision: precision),
    ]
  }
}

extension Precision {
  /// In front of a shape's description.
  fileprivate var note: String { self == .f32 ? "" : "\(rawValue) " }
}
