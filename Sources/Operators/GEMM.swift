import Kernels
import OpenCL

/// A linear layer: `output[m][n] = Σ input[m][k] · weight[n][k] + bias[n]`, with an epilogue.
///
/// With a lower precision than f32, inputs and weights are rounded to its values; sums, bias and epilogue are f32.
@DeviceActor
package final class GEMM {
  /// What happens to a sum before it is stored.
  package enum Epilogue: Sendable, CaseIterable {
    /// The bias alone.
    case bias
    /// The bias, then the exact GELU.
    case gelu
    /// The bias, then what the output held before.
    case residual

    var definitions: [String] {
      switch self {
      case .bias: []
      case .gelu: ["GELU"]
      case .residual: ["RESIDUAL"]
      }
    }
  }

  package nonisolated let inputs: Int
  package nonisolated let outputs: Int
  package nonisolated let precision: Precision
  package nonisolated let variant: Variant
  /// How `input` has to lie in memory: what its producer is to write.
  package nonisolated let inputFormat: OperandFormat

  private let packed: PackedGEMM?
  /// Rounds the input in front of an f32 kernel.
  private let rounding: RowRounding?
  private let queue: CommandQueue
  private let kernel: Kernel
  /// Rows and outputs that a work-group makes.
  private let tile: (rows: Int, columns: Int)
  private let workGroup: [Int]

  /// - Parameters:
  ///   - group: inputs that share a step, for int8: neighbours in a row; all of a row where nil.
  ///   - output: what the output's reader wants; other than f32 the packed variant writes only.
  ///   - variant: a packed one takes multiples of 16 inputs and outputs, and processors with the instructions; others
  ///     run the CPU's kernel over rounded values.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  ///   - vectorBits: another vector width than the CPU's own, for tests.
  ///   - assembly: whether the packed variant uses the processor's instructions, for tests.
  /// - Throws: `OpenCLError` where the weights do not fit together or the device refuses.
  package init(
    context: Context, weights: LinearWeights, epilogue: Epilogue = .bias, precision: Precision = .f32,
    group: Int? = nil, output: OperandFormat = .f32, variant: Variant, workGroupLimit: Int? = nil,
    vectorBits: Int? = nil, assembly: Bool? = nil
  ) throws(OpenCLError) {
    inputs = weights.inputs
    outputs = weights.outputs
    self.precision = precision
    queue = try context.queue
    let group = group ?? weights.inputs
    if variant == .packed {
      let instructions = try precision.hasInstructions(in: context)
      packed =
        instructions || assembly != nil
        ? try PackedGEMM(
          context: context, weights: weights, epilogue: epilogue, precision: precision, group: group, output: output,
          assembly: assembly ?? true) : nil
    } else {
      packed = nil
    }
    if let packed {
      self.variant = .packed
      inputFormat = packed.inputFormat
      rounding = nil
      kernel = packed.kernel
      tile = (PackedGEMM.rows, packed.panel)
      workGroup = [1, 1]
      return
    }
    guard output == .f32 else {
      throw OpenCLError(operation: "GEMM of \(inputs) → \(outputs)", detail: "only packed kernels write \(output)")
    }
    self.variant = variant == .packed ? .cpu : variant
    inputFormat = .f32
    rounding = try RowRounding(context: context, precision: precision, width: weights.inputs, group: group)
    switch self.variant {
    case .portable:
      let (kernel, size) = try WorkGroup.kernel(
        "gemm", of: .gemm, definitions: epilogue.definitions, sizes: WorkGroup.powersOfTwo(from: 16),
        items: { $0 * $0 }, limit: workGroupLimit, in: context)
      self.kernel = kernel
      tile = (4 * size, 4 * size)
      workGroup = [size, size]
    case .cpu, .packed:
      let bits = if let vectorBits { vectorBits } else { try VectorBits.of(context) }
      let (rows, vectors) = Self.registers(outputs: weights.outputs, vectorBits: bits)
      tile = (rows, 16 * vectors)
      workGroup = [1, 1]
      let isRagged = !weights.outputs.isMultiple(of: tile.columns)
      kernel = try context.kernel(
        "gemm",
        KernelFile.gemmCPU.source(
          ["ROWS=\(rows)", "VECTORS=\(vectors)"] + epilogue.definitions + (isRagged ? ["RAGGED"] : []),
          prelude: .vector16, .tileShape, .tile))
    }
    let panels = try PackedWeights(weights, width: tile.columns, precision: precision, in: context)
    try kernel.setArguments(from: 1, panels.panels, panels.bias)
    switch self.variant {
    case .portable: try kernel.setArguments(from: 5, Int32(inputs), Int32(outputs))
    case .cpu, .packed: try kernel.setArguments(from: 4, Int32(inputs), Int32(outputs))
    }
  }

  /// Rows and vectors of 16 outputs whose sums fit the registers of the CPU (`tile.cl`).
  private static func registers(outputs: Int, vectorBits: Int) -> (rows: Int, vectors: Int) {
    guard vectorBits >= 512 else { return (6, 1) }
    // Three vectors a row are the fastest; fewer where they divide the outputs and three do not.
    return (7, [3, 2].first { outputs.isMultiple(of: 16 * $0) } ?? (outputs <= 16 ? 1 : 3))
  }

  /// Neighbouring outputs of a row, of `outputs` in all, that share a scale where the next layer's precision is int8:
  /// one tile of the CPU's kernel has them side by side.
  package nonisolated static func outputGroup(_ outputs: Int) -> Int {
    [48, 32].first(where: outputs.isMultiple(of:)) ?? 16
  }

  /// Rows that input and output must have room for where `rows` are computed: a CPU's tile may read and write, but
  /// never mix, up to that many.
  package nonisolated static func paddedRows(_ rows: Int) -> Int { rows + 7 }

  /// Enqueues the layer for the first `rows` rows of `input`, `[rows, inputs]` in `inputFormat`, to `output`, `[rows,
  /// outputs]` in the format that `init` was told. As the f32 form below otherwise.
  package func enqueue(input: Operand, output: Operand, rows: Int) throws(OpenCLError) {
    guard rows > 0 else { return }
    if let packed {
      try packed.enqueue(input: input, output: output, rows: rows)
    } else {
      try enqueue(input: input.values, output: output.values, rows: rows)
    }
  }

  /// Enqueues the layer for the first `rows` rows of `input`, `[rows, inputs]`, to `output`, `[rows, outputs]`. They must
  /// not overlap, and have room for `paddedRows(rows)`. With a lower precision than f32 the input is rounded in place.
  ///
  /// - Throws: `OpenCLError` where a buffer is too small.
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, rows: Int) throws(OpenCLError) {
    guard rows > 0 else { return }
    if let packed {
      return try packed.enqueue(input: Operand(values: input), output: Operand(values: output), rows: rows)
    }
    let padded = (rows + tile.rows - 1) / tile.rows * tile.rows
    let needed = variant == .portable ? rows : padded
    guard input.count >= needed * inputs, output.count >= needed * outputs else {
      throw OpenCLError(
        operation: "GEMM of \(rows) rows, \(inputs) → \(outputs)",
        detail: "the buffers have no room for \(needed) rows")
    }
    try rounding?.enqueue(input, count: rows)
    try kernel.setArguments(input)
    let tiles = (rows: padded / tile.rows, columns: (outputs + tile.columns - 1) / tile.columns)
    switch variant {
    case .portable:
      try kernel.setArguments(from: 3, output, Int32(rows))
      try queue.enqueue(kernel, global: [tiles.columns * workGroup[0], tiles.rows * workGroup[1]], local: workGroup)
    case .cpu, .packed:
      try kernel.setArguments(from: 3, output)
      try queue.enqueue(kernel, global: [tiles.rows, tiles.columns], local: workGroup)
    }
  }
}
