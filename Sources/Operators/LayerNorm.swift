import Kernels
import OpenCL

/// `(x - mean) / √(variance + eps)` of each row, and with `scale` and `shift` what a LayerNorm layer computes.
@DeviceActor
package final class LayerNorm {
  package nonisolated let channels: Int
  package nonisolated let variant: Variant
  private let context: Context
  private let kernel: Kernel
  private let size: Int

  /// - Parameters:
  ///   - affine: scale and shift, `[channels]` each; nil where they are folded into the layer behind.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  package init(
    context: Context, channels: Int, affine: (scale: [Float], shift: [Float])? = nil, epsilon: Float = 1e-6,
    variant: Variant, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    guard channels > 0, affine.map({ $0.scale.count == channels && $0.shift.count == channels }) ?? true else {
      throw OpenCLError(operation: "LayerNorm", detail: "scale and shift do not have \(channels) channels")
    }
    self.context = context
    self.channels = channels
    self.variant = variant
    (kernel, size) = try WorkGroup.kernel(
      "layer_norm", of: .layerNorm, definitions: affine == nil ? [] : ["AFFINE"],
      sizes: WorkGroup.powersOfTwo(from: 64), items: { $0 }, limit: workGroupLimit, in: context)
    let scale = try context.makeBuffer(affine?.scale ?? [0])
    let shift = try context.makeBuffer(affine?.shift ?? [0])
    try kernel.setArguments(from: 2, scale, shift, Int32(channels), epsilon)
  }

  /// Enqueues the first `rows` rows of `input`; `output` may be `input`.
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, rows: Int) throws(OpenCLError) {
    guard rows > 0 else { return }
    try kernel.setArguments(input, output)
    try context.queue.enqueue(kernel, global: [rows * size], local: [size])
  }
}
