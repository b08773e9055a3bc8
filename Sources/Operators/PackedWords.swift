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

  /// - Parameter width: outputs a panel; divides them.
  init(bf16 weights: LinearWeights, width: Int, in context: Context) throws(OpenCLError) {
    let folded = try FoldedWeights(weights, paddedOutputs: weights.outputs, in: context)
    bias = folded.bias
    steps = try context.makeBuffer(count: 1)
    corrections = try context.makeBuffer(count: 1)
    panels = try context.makeBuffer(count: weights.outputs * weights.inputs / 2)
    try RowRounding(context: context, precision: .bf16, width: weights.inputs, group: weights.inputs)?.enqueue(
      folded.weight, count: weights.outputs)
    let pack = try FlatKernel("pack_bf16", of: KernelFile.packWords.source(), in: context)
    try pack.kernel.setArguments(folded.weight, panels, Int32(weights.inputs), Int32(width))
    try pack.enqueue(items: panels.count, countArgument: 4)
    // The raw weights are released on return: wait for the kernels that read them.
    try context.queue.finish()
  }

  /// - Parameter group: inputs that share a step; divides them.
  init(int8 weights: LinearWeights, width: Int, group: Int, in context: Context) throws(OpenCLError) {
    let folded = try FoldedWeights(weights, paddedOutputs: weights.outputs, in: context)
    bias = folded.bias
    steps = try context.makeBuffer(count: weights.outputs)
    corrections = try context.makeBuffer(count: weights.outputs * weights.inputs / group)
    panels = try context.makeBuffer(count: weights.outputs * weights.inputs / 4)
    let pack = try FlatKernel("pack_int8", of: KernelFile.packWords.source(), in: context)
    try pack.kernel.setArguments(
      folded.weight, panels, steps, corrections, Int32(weights.inputs), Int32(width), Int32(group))
    try pack.enqueue(items: weights.outputs, countArgument: 7)
    try context.queue.finish()
  }
}
