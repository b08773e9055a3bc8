import Kernels
import OpenCL

/// From one stage to the next: 2 × 2 neighbours side by side, LayerNorm, and a linear layer from 4C to 2C channels.
@DeviceActor
package final class PatchMerging {
  package nonisolated let side: Int
  package nonisolated let channels: Int
  package nonisolated let variant: Variant
  private let queue: CommandQueue
  private let gather: Gather
  private let reduction: GEMM

  private enum Gather {
    case portable(FlatKernel, LayerNorm)
    /// The neighbours, already normalised.
    case cpu(Kernel)
  }

  /// - Parameters:
  ///   - side: tokens a side of the map; beyond an odd one's edge there are zeros.
  ///   - channels: C. A CPU's variant takes multiples of 16; others run the portable kernels.
  ///   - reduction: `[2C, 4C]`, with the LayerNorm's scale and shift as its input's.
  package init(
    context: Context, side: Int, channels: Int, reduction: LinearWeights, precision: Precision = .f32,
    variants: Variants
  ) throws(OpenCLError) {
    guard side > 0, channels > 0, reduction.inputs == 4 * channels else {
      throw OpenCLError(operation: "Patch merging", detail: "\(reduction.inputs) inputs for 4 × \(channels) channels")
    }
    self.side = side
    self.channels = channels
    queue = try context.queue
    variant = channels.isMultiple(of: 16) ? variants[.patchMerging] : .portable
    let layer = variants[.gemm(of: precision)]
    self.reduction = try GEMM(
      context: context, weights: reduction, precision: precision,
      variant: layer == .packed && variant != .cpu ? .cpu : layer)
    let format = self.reduction.inputFormat
    switch variant {
    case .portable:
      let flat = try FlatKernel("gather_neighbours", of: KernelFile.patchMerging.source(), in: context)
      try flat.kernel.setArguments(from: 2, Int32(side), Int32(channels))
      gather = .portable(
        flat, try LayerNorm(context: context, channels: 4 * channels, variant: variants[.layerNorm]))
    case .cpu, .packed:
      let kernel = try context.kernel(
        "merge_normalised",
        KernelFile.patchMergingCPU.source(try format.definitions(in: context), prelude: .vector16))
      try kernel.setArguments(from: 2, Int32(side), Int32(channels), LayerNorm.epsilon)
      gather = .cpu(kernel)
    }
  }

  /// Tokens a side of the merged map.
  package nonisolated var mergedSide: Int { (side + 1) / 2 }

  /// Enqueues the merging of `images` maps.
  ///
  /// - Parameters:
  ///   - tokens: `[images·side², C]` in, `[images·mergedSide², 2C]` out.
  ///   - scratch: `[images·mergedSide², 4C]`; both with room for `GEMM.paddedRows`.
  package func enqueue(tokens: Buffer<Float>, scratch: Operand, images: Int) throws(OpenCLError) {
    guard images > 0 else { return }
    let rows = images * mergedSide * mergedSide
    guard tokens.count >= images * side * side * channels, scratch.values.count >= rows * 4 * channels else {
      throw OpenCLError(operation: "Patch merging of \(images) maps", detail: "the buffers are smaller")
    }
    switch gather {
    case .portable(let flat, let norm):
      try flat.kernel.setArguments(tokens, scratch.values)
      try flat.enqueue(items: channels * rows, countArgument: 4)
      try norm.enqueue(input: scratch.values, output: scratch.values, rows: rows)
    case .cpu(let kernel):
      try kernel.setArguments(tokens, scratch.values)
      if case .int8 = reduction.inputFormat {
        try kernel.setArguments(from: 5, try scratch.steps(rows, of: "Patch merging of \(images) maps"))
      }
      try queue.enqueue(kernel, global: [rows], local: [1])
    }
    try reduction.enqueue(input: scratch, output: Operand(values: tokens), rows: rows)
  }
}
