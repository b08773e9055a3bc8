import Kernels
import OpenCL

/// A linear layer's weights on the device as words of low precision, everything folded in (`pack_words.cl`).
@DeviceActor
struct PackedWords {
  /// `[panels, inputs / 2 or 4, width]`
  let panels: Buffer<UInt32>
  /// `[outputs]`, int8 only.
  let steps: Buffer<Float>
  /// `[panels, inputs / group, width]`, int8 only.
  let corrections: Buffer<Int32>
  /// `[outputs]`
  let bias: Buffer<Float>

  /// - Parameters:
  ///   - width: outputs a panel; divides them.
  ///   - group: inputs that share a step, for int8; divides them.
  /// - Returns: nil for f32, whose weights are no such words (`PackedWeights`).
  init?(
    _ weights: LinearWeights, precision: Precision, width: Int, group: Int, in context: Context
  ) throws(OpenCLError) {
    if precision == .f32 { return nil }
    let folded = try FoldedWeights(weights, paddedOutputs: weights.outputs, in: context)
    bias = folded.bias
    let (outputs, inputs) = (weights.outputs, weights.inputs)
    if precision == .bf16 {
      steps = try context.makeBuffer(count: 1)
      corrections = try context.makeBuffer(count: 1)
      panels = try context.makeBuffer(count: outputs * inputs / 2)
      try RowRounding(context: context, precision: .bf16, width: inputs, group: inputs)?.enqueue(
        folded.weight, count: outputs)
      let pack = try FlatKernel("pack_bf16", of: KernelFile.packWords.source(), in: context)
      try pack.kernel.setArguments(folded.weight, panels, Int32(inputs), Int32(width))
      try pack.enqueue(items: panels.count, countArgument: 4)
    } else {
      steps = try context.makeBuffer(count: outputs)
      corrections = try context.makeBuffer(count: outputs * inputs / group)
      panels = try context.makeBuffer(count: outputs * inputs / 4)
      let pack = try FlatKernel("pack_int8", of: KernelFile.packWords.source(), in: context)
      try pack.kernel.setArguments(
        folded.weight, panels, steps, corrections, Int32(inputs), Int32(width), Int32(group))
      try pack.enqueue(items: outputs, countArgument: 7)
    }
    // The raw weights are released on return: wait for the kernels that read them.
    try context.queue.finish()
  }
}
