import Kernels
import OpenCL

/// A linear layer's weights on the device, with its scales multiplied in, before they are rounded and packed
/// (`pack.cl`).
@DeviceActor
struct FoldedWeights {
  /// `[outputs, inputs]`
  let weight: Buffer<Float>
  /// `[paddedOutputs]`, zeros beyond the outputs.
  let bias: Buffer<Float>

  /// - Throws: `OpenCLError` where the arrays do not fit the layer's shape, or the device refuses.
  init(_ weights: LinearWeights, paddedOutputs: Int, in context: Context) throws(OpenCLError) {
    if let problem = weights.problem { throw OpenCLError(operation: "Packing weights", detail: problem) }
    func vector(_ values: [Float]?, _ value: Float, _ count: Int) throws(OpenCLError) -> Buffer<Float> {
      try context.makeBuffer(values ?? [Float](repeating: value, count: count))
    }
    weight = try context.makeBuffer(weights.weight)
    bias = try context.makeBuffer(count: paddedOutputs)
    let outputScale = try vector(weights.outputScale, 1, weights.outputs)
    let packBias = try FlatKernel("pack_bias", of: KernelFile.pack.source(), in: context)
    try packBias.kernel.setArguments(
      weight, try vector(weights.bias, 0, weights.outputs), try vector(weights.inputShift, 0, weights.inputs),
      outputScale, bias, Int32(weights.outputs), Int32(weights.inputs))
    try packBias.enqueue(items: bias.count, countArgument: 7)
    let fold = try FlatKernel("fold_weight", of: KernelFile.pack.source(), in: context)
    try fold.kernel.setArguments(
      weight, try vector(weights.inputScale, 1, weights.inputs), outputScale, Int32(weights.inputs))
    try fold.enqueue(items: weight.count, countArgument: 4)
    // The scales are released on return: wait for the kernels that read them.
    try context.queue.finish()
  }
}
