import EsViT
import Operators

/// What the operators of one forward pass do at least, for one image: the arithmetic of their products, and each operand
/// read and each result written once.
///
/// Swin Transformer (arXiv 2103.14030), section 3.2; a multiplication and an addition are two operations.
struct NetworkWork: Sendable {
  struct Work: Sendable, Equatable {
    /// Of products of matrices; element-wise arithmetic is not counted.
    var operations = 0.0
    var bytes = 0.0
  }

  private var work: [OperatorKind: Work] = [:]

  subscript(kind: OperatorKind) -> Work { work[kind] ?? Work() }

  /// Of all operators.
  var operations: Double { work.values.reduce(0) { $0 + $1.operations } }

  /// - Parameters:
  ///   - precision: of the linear layers' weights and inputs; all else is f32.
  ///   - fusedBlocks: how many blocks of each stage run as one kernel each, whose operands are the tokens and the
  ///     weights alone.
  init(
    _ architecture: Architecture, _ preprocessing: Preprocessing, precision: Precision = .f32, fusedBlocks: [Int] = []
  ) {
    let crop = preprocessing.crop
    let patch = architecture.patchSize
    let pixels = 3 * crop * crop
    add(.preprocess, bytes: 3 * preprocessing.resize * preprocessing.resize + 4 * pixels)
    var side = crop / patch
    linear(rows: side * side, inputs: 3 * patch * patch, outputs: architecture.embedDimension, .f32)
    add(.layerNorm, bytes: 8 * side * side * architecture.embedDimension)
    for stage in 0..<architecture.stages {
      let c = architecture.channels(stage: stage)
      let hidden = Architecture.mlpRatio * c
      let window = architecture.window(stage: stage)
      let windows = (side + window - 1) / window
      let tokens = side * side
      let fused = fusedBlocks.indices.contains(stage) ? fusedBlocks[stage] : 0
      for block in 0..<architecture.depths[stage] {
        // Scores and weighted values: window² × window² × the heads' width each, in each window.
        let attention = 4 * windows * windows * window * window * window * window * c
        if block < fused {
          add(
            .swinBlock, operations: 24 * tokens * c * c + attention,
            bytes: 8 * tokens * c + 12 * precision.bytesPerElement * c * c)
          continue
        }
        linear(rows: tokens, inputs: c, outputs: 3 * c, precision)
        add(.windowAttention, operations: attention, bytes: 16 * tokens * c)
        linear(rows: tokens, inputs: c, outputs: c, precision, isResidual: true)
        linear(rows: tokens, inputs: c, outputs: hidden, precision)
        linear(rows: tokens, inputs: hidden, outputs: c, precision, isResidual: true)
        add(.layerNorm, bytes: 2 * 8 * tokens * c)
      }
      if stage < architecture.stages - 1 {
        side = (side + 1) / 2
        add(.patchMerging, bytes: 4 * tokens * c + 16 * side * side * c)
        linear(rows: side * side, inputs: 4 * c, outputs: 2 * c, precision)
      }
    }
    add(.layerNorm, bytes: 8 * side * side * architecture.dimension)
    add(.pool, bytes: 4 * (side * side + 2) * architecture.dimension)
  }

  private mutating func linear(rows: Int, inputs: Int, outputs: Int, _ precision: Precision, isResidual: Bool = false) {
    let element = precision.bytesPerElement
    add(
      .gemm, operations: 2 * rows * inputs * outputs,
      bytes: element * (rows * inputs + inputs * outputs) + 4 * outputs + 4 * rows * outputs * (isResidual ? 2 : 1))
  }

  private mutating func add(_ kind: OperatorKind, operations: Int = 0, bytes: Int) {
    work[kind, default: Work()].operations += Double(operations)
    work[kind, default: Work()].bytes += Double(bytes)
  }
}

extension Precision {
  fileprivate var bytesPerElement: Int {
    switch self {
    case .f32: 4
    case .bf16: 2
    case .int8: 1
    }
  }
}
