import Kernels
import OpenCL

/// A linear layer over operands of low precision as they lie in memory (`gemm.packed.cpu.cl`).
@DeviceActor
struct PackedGEMM {
  let inputFormat: OperandFormat
  private let outputFormat: OperandFormat
  private let queue: CommandQueue
  let kernel: Kernel
  /// In the place of steps that a format does not have.
  private let none: Buffer<Float>
  private let inputs: Int
  private let outputs: Int
  /// Outputs a tile.
  let panel: Int
  /// Panels that a work-group makes for its rows.
  private let panels: Int
  /// Groups of an input row.
  private let groups: Int

  /// Rows a tile (ROWS of the kernel).
  static let rows = 7

  /// - Parameters:
  ///   - group: inputs that share a step, for int8.
  ///   - assembly: whether device and processor know the instructions; without it the kernel is slow.
  /// - Returns: nil where the shape does not fit the kernel.
  init?(
    context: Context, weights: LinearWeights, epilogue: GEMM.Epilogue, precision: Precision, group: Int,
    output: OperandFormat, assembly: Bool
  ) throws(OpenCLError) {
    inputs = weights.inputs
    outputs = weights.outputs
    guard inputs.isMultiple(of: 16), outputs.isMultiple(of: 16), group.isMultiple(of: 16),
      inputs.isMultiple(of: group)
    else { return nil }
    panel = GEMM.outputGroup(outputs)
    outputFormat = output
    queue = try context.queue
    none = try context.makeBuffer(count: 1)
    // Narrow layers have many rows, whose inputs then stay in the cache; wide ones have few, and all cores need work.
    panels = inputs < 256 ? outputs / panel : 1
    var definitions =
      ["VECTORS=\(panel / 16)", "PANELS=\(panels)"] + epilogue.definitions + (assembly ? ["ASSEMBLY"] : [])
      + (output == .f32 ? [] : output == .bf16 ? ["OPERAND_BF16"] : ["OPERAND_INT8"])
    guard let packed = try PackedWords(weights, precision: precision, width: panel, group: group, in: context) else {
      return nil
    }
    if precision == .bf16 {
      groups = 1
      inputFormat = .bf16
      definitions.append("BF16")
    } else {
      groups = inputs / group
      inputFormat = .int8(group: group)
      definitions += ["INT8"] + (groups > 1 ? ["GROUP=\(group)"] : [])
    }
    kernel = try context.kernel(
      "gemm", KernelFile.gemmPackedCPU.source(definitions, prelude: .vector16, .tileShape, .packedTile))
    try kernel.setArguments(from: 2, packed.panels, packed.corrections, packed.steps, packed.bias)
    try kernel.setArguments(from: 8, Int32(inputs / (precision == .bf16 ? 2 : 4)), Int32(outputs))
  }

  func enqueue(input: Operand, output: Operand, rows: Int) throws(OpenCLError) {
    let operation = "GEMM of \(rows) rows, \(inputs) → \(outputs)"
    let padded = (rows + Self.rows - 1) / Self.rows * Self.rows
    guard input.values.count >= padded * inputs, output.values.count >= padded * outputs
    else {
      throw OpenCLError(operation: operation, detail: "the buffers have no room for \(padded) rows")
    }
    let inputSteps = if case .int8 = inputFormat { try input.steps(padded * groups, of: operation) } else { none }
    let outputSteps =
      if case .int8 = outputFormat { try output.steps(padded * outputs / panel, of: operation) } else { none }
    try kernel.setArguments(input.values, inputSteps)
    try kernel.setArguments(from: 6, output.values, outputSteps)
    try queue.enqueue(kernel, global: [outputs / panel / panels, padded / Self.rows], local: [1, 1])
  }
}
