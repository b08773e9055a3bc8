import Kernels
import OpenCL

/// A linear layer: `output[m][n] = Σ input[m][k] · weight[n][k] + bias[n]`, with an epilogue.
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
  }

  package nonisolated let inputs: Int
  package nonisolated let outputs: Int
  /// Elements from one row of the input to the next.
  package nonisolated let inputStride: Int
  /// Elements from one row of the output to the next.
  package nonisolated let outputStride: Int
  package nonisolated let variant: Variant

  private let context: Context
  private let kernel: Kernel
  /// Outputs a work-group makes, and rows.
  private let tile: (columns: Int, rows: Int)
  private let group: [Int]

  /// - Parameters:
  ///   - inputStride: `inputs` where nil; the same for `outputStride`.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  /// - Throws: `OpenCLError` where the weights do not fit together or the device refuses.
  package init(
    context: Context, weights: LinearWeights, epilogue: Epilogue = .bias, inputStride: Int? = nil,
    outputStride: Int? = nil, variant: Variant, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    self.context = context
    self.variant = variant
    inputs = weights.inputs
    outputs = weights.outputs
    self.inputStride = inputStride ?? weights.inputs
    self.outputStride = outputStride ?? weights.outputs
    guard self.inputStride >= inputs, self.outputStride >= outputs else {
      throw OpenCLError(operation: "GEMM", detail: "rows of \(inputs) to \(outputs) do not fit their strides")
    }
    var definitions = [
      "K=\(inputs)", "N=\(outputs)", "IN_STRIDE=\(self.inputStride)", "OUT_STRIDE=\(self.outputStride)",
    ]
    switch epilogue {
    case .bias: break
    case .gelu: definitions.append("GELU")
    case .residual: definitions.append("RESIDUAL")
    }
    let (kernel, size) = try WorkGroup.kernel(
      "gemm", of: .gemm, definitions: definitions, sizes: WorkGroup.powersOfTwo(from: 16), items: { $0 * $0 },
      limit: workGroupLimit, in: context)
    self.kernel = kernel
    tile = (4 * size, 4 * size)
    group = [size, size]
    let packed = try PackedWeights(weights, width: tile.columns, in: context)
    try kernel.setArguments(from: 1, packed.panels, packed.bias)
  }

  /// Rows that input and output must have room for where `rows` are computed: a CPU's tile may read and write, but
  /// never mix, up to that many.
  package nonisolated static func paddedRows(_ rows: Int) -> Int { rows + 7 }

  /// Enqueues the layer for the first `rows` rows of `input`. `input` and `output` must not overlap.
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, rows: Int) throws(OpenCLError) {
    guard rows > 0 else { return }
    try kernel.setArguments(input)
    try kernel.setArguments(from: 3, output, Int32(rows))
    let tiles = [(outputs + tile.columns - 1) / tile.columns, (rows + tile.rows - 1) / tile.rows]
    try context.queue.enqueue(kernel, global: [tiles[0] * group[0], tiles[1] * group[1]], local: group)
  }
}
