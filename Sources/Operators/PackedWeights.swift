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
    if let problem = weights.problem { throw OpenCLError(operation: "Packing weights", detail: problem) }
    let count = (weights.outputs + width - 1) / width
    panels = try context.makeBuffer(count: count * weights.inputs * width)
    bias = try context.makeBuffer(count: count * width)

    func vector(_ values: [Float]?, _ value: Float, _ count: Int) throws(OpenCLError) -> Buffer<Float> {
      try context.makeBuffer(values ?? [Float](repeating: value, count: count))
    }
    let raw = try context.makeBuffer(weights.weight)
    let inputScale = try vector(weights.inputScale, 1, weights.inputs)
    let outputScale = try vector(weights.outputScale, 1, weights.outputs)
    let packBias = try FlatKernel("pack_bias", of: KernelFile.pack.source(), in: context)
    try packBias.kernel.setArguments(
      raw, try vector(weights.bias, 0, weights.outputs), try vector(weights.inputShift, 0, weights.inputs), outputScale,
      bias, Int32(weights.outputs), Int32(weights.inputs))
    try packBias.enqueue(items: bias.count, countArgument: 7)
    let rounding = try RowRounding(
      context: context, precision: precision, width: weights.inputs, group: weights.inputs)
    let packWeight = try FlatKernel("pack_weight", of: KernelFile.pack.source(), in: context)
    if let rounding {
      let fold = try FlatKernel("fold_weight", of: KernelFile.pack.source(), in: context)
      try fold.kernel.setArguments(raw, inputScale, outputScale, Int32(weights.inputs))
      try fold.enqueue(items: raw.count, countArgument: 4)
      try rounding.enqueue(raw, count: weights.outputs)
      try packWeight.kernel.setArguments(
        raw, try vector(nil, 1, weights.inputs), try vector(nil, 1, weights.outputs))
    } else {
      try packWeight.kernel.setArguments(raw, inputScale, outputScale)
    }
    try packWeight.kernel.setArguments(
      from: 3, panels, Int32(weights.outputs), Int32(weights.inputs), Int32(width))
    try packWeight.enqueue(items: panels.count, countArgument: 7)
    // The raw weights are released on return: wait for the kernels that read them.
    try context.queue.finish()
  }
}
