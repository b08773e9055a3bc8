import Kernels
import OpenCL

/// A linear layer's weights on the device: in panels of `width` outputs, everything folded in (`pack.cl`).
@DeviceActor
struct PackedWeights {
  /// `[panels, inputs, width]`
  let panels: Buffer<Float>
  /// `[panels * width]`
  let bias: Buffer<Float>

  /// - Parameter precision: the weights are rounded to its values, for int8 with one scale an output; the bias is not.
  /// - Throws: `OpenCLError` where the arrays do not fit the layer's shape, or the device refuses.
  init(
    _ weights: LinearWeights, width: Int, precision: Precision = .f32, in context: Context
  ) throws(OpenCLError) {
    let count = (weights.outputs + width - 1) / width
    let folded = try FoldedWeights(weights, paddedOutputs: count * width, in: context)
    bias = folded.bias
    panels = try context.makeBuffer(count: count * weights.inputs * width)
    try RowRounding(context: context, precision: precision, width: weights.inputs, group: weights.inputs)?.enqueue(
      folded.weight, count: weights.outputs)
    let pack = try FlatKernel("pack_weight", of: KernelFile.pack.source(), in: context)
    try pack.kernel.setArguments(
      folded.weight, panels, Int32(weights.outputs), Int32(weights.inputs), Int32(width))
    try pack.enqueue(items: panels.count, countArgument: 5)
    // The raw weights are released on return: wait for the kernels that read them.
    try context.queue.finish()
  }
}
