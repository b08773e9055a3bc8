import Kernels
import OpenCL

/// `(x - mean) / √(variance + eps)` of each row, and with `affine` what a LayerNorm layer computes.
@DeviceActor
package final class LayerNorm {
  /// The original EsViT's; timm's default is 1e-5.
  package nonisolated static let epsilon: Float = 1e-6

  package nonisolated let channels: Int
  package nonisolated let variant: Variant
  private let queue: CommandQueue
  private let format: OperandFormat
  private let kernel: Kernel
  /// Work-items that share a row.
  private let size: Int

  /// - Parameters:
  ///   - affine: scale and shift, `[channels]` each; nil where they are folded into the layer behind.
  ///   - output: what the rows' reader wants; other than f32 a CPU's variant writes only.
  ///   - variant: a CPU's takes multiples of 16 channels; others run the portable kernel.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  package init(
    context: Context, channels: Int, affine: (scale: [Float], shift: [Float])? = nil,
    epsilon: Float = LayerNorm.epsilon, output: OperandFormat = .f32, variant: Variant, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    guard channels > 0, affine.map({ $0.scale.count == channels && $0.shift.count == channels }) ?? true else {
      throw OpenCLError(operation: "LayerNorm", detail: "scale and shift do not have \(channels) channels")
    }
    queue = try context.queue
    self.channels = channels
    self.variant = channels.isMultiple(of: 16) ? variant : .portable
    format = output
    guard output == .f32 || self.variant == .cpu else {
      throw OpenCLError(operation: "LayerNorm of \(channels) channels", detail: "only a CPU's kernel writes \(output)")
    }
    let definitions = try (affine == nil ? [] : ["AFFINE"]) + output.definitions(in: context)
    switch self.variant {
    case .portable:
      (kernel, size) = try WorkGroup.kernel(
        "layer_norm", of: .layerNorm, definitions: definitions, sizes: WorkGroup.powersOfTwo(from: 64),
        items: { $0 }, limit: workGroupLimit, in: context)
    case .cpu, .packed:
      kernel = try context.kernel("layer_norm", KernelFile.layerNormCPU.source(definitions, prelude: .vector16))
      size = 1
    }
    let scale = try context.makeBuffer(affine?.scale ?? [0])
    let shift = try context.makeBuffer(affine?.shift ?? [0])
    try kernel.setArguments(from: 2, scale, shift, Int32(channels), epsilon)
  }

  /// Enqueues the first `rows` rows of `input`, to rows in the format that `init` was told, one group a row.
  package func enqueue(input: Buffer<Float>, output: Operand, rows: Int) throws(OpenCLError) {
    if case .int8 = format { try kernel.setArguments(from: 6, try output.steps(rows, of: "LayerNorm of \(rows) rows")) }
    try enqueue(input: input, output: output.values, rows: rows)
  }

  /// Enqueues the first `rows` rows of `input`; `output` may be `input`.
  package func enqueue(input: Buffer<Float>, output: Buffer<Float>, rows: Int) throws(OpenCLError) {
    guard rows > 0 else { return }
    guard input.count >= rows * channels, output.count >= rows * channels else {
      throw OpenCLError(operation: "LayerNorm of \(rows) × \(channels)", detail: "the buffers are smaller")
    }
    try kernel.setArguments(input, output)
    try queue.enqueue(kernel, global: [rows * size], local: [size])
  }
}
