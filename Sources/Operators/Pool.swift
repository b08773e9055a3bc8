import Kernels
import OpenCL

/// The mean of an image's tokens, with the last LayerNorm's scale and shift, as it is and divided by its length.
@DeviceActor
package final class Pool {
  package nonisolated let channels: Int
  private let context: Context
  private let kernel: Kernel
  private let size: Int

  /// - Parameters:
  ///   - scale: `[channels]` of the LayerNorm that already normalised the tokens; the same for `shift`.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  package init(
    context: Context, scale: [Float], shift: [Float], workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    guard scale.count == shift.count, !scale.isEmpty else {
      throw OpenCLError(operation: "Pool", detail: "\(scale.count) scales and \(shift.count) shifts")
    }
    self.context = context
    channels = scale.count
    (kernel, size) = try WorkGroup.kernel(
      "pool", of: .pool, sizes: WorkGroup.powersOfTwo(from: 64), items: { $0 }, limit: workGroupLimit, in: context)
    try kernel.setArguments(from: 1, try context.makeBuffer(scale), try context.makeBuffer(shift))
  }

  /// Enqueues `images` times `tokensPerImage` rows `[channels]` to `output`, `[images, 2, channels]`: the mean as it is,
  /// then of length 1. A mean without a direction (zeros, a NaN, an infinity) gives a second row of NaN.
  package func enqueue(
    tokens: Buffer<Float>, output: Buffer<Float>, images: Int, tokensPerImage: Int
  ) throws(OpenCLError) {
    guard images > 0 else { return }
    guard tokens.count >= images * tokensPerImage * channels, output.count >= images * 2 * channels else {
      throw OpenCLError(operation: "Pool of \(images) images", detail: "the buffers are smaller")
    }
    try kernel.setArguments(tokens)
    try kernel.setArguments(from: 3, output, Int32(tokensPerImage), Int32(channels))
    try context.queue.enqueue(kernel, global: [images * size], local: [size])
  }
}
