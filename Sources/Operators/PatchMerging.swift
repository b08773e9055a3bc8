import Kernels
import OpenCL

/// From one stage to the next: 2 × 2 neighbours side by side, LayerNorm, and a linear layer from 4C to 2C channels.
@DeviceActor
package final class PatchMerging {
  package nonisolated let side: Int
  package nonisolated let channels: Int
  private let gather: FlatKernel
  private let norm: LayerNorm
  private let reduction: GEMM

  /// - Parameters:
  ///   - side: tokens a side of the map; beyond an odd one's edge there are zeros.
  ///   - channels: C.
  ///   - reduction: `[2C, 4C]`, with the LayerNorm's scale and shift as its input's.
  package init(
    context: Context, side: Int, channels: Int, reduction: LinearWeights, variants: Variants
  ) throws(OpenCLError) {
    guard reduction.inputs == 4 * channels else {
      throw OpenCLError(operation: "Patch merging", detail: "\(reduction.inputs) inputs for 4 × \(channels) channels")
    }
    self.side = side
    self.channels = channels
    gather = try FlatKernel("gather_neighbours", of: KernelFile.patchMerging.source(), in: context)
    norm = try LayerNorm(context: context, channels: 4 * channels, variant: variants[.layerNorm])
    self.reduction = try GEMM(context: context, weights: reduction, variant: variants[.gemm])
    try gather.kernel.setArguments(from: 2, Int32(side), Int32(channels))
  }

  /// Tokens a side of the merged map.
  package nonisolated var mergedSide: Int { (side + 1) / 2 }

  /// Enqueues the merging of `images` maps.
  ///
  /// - Parameters:
  ///   - tokens: `[images·side², C]` in, `[images·mergedSide², 2C]` out.
  ///   - scratch: `[images·mergedSide², 4C]`
  package func enqueue(tokens: Buffer<Float>, scratch: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard images > 0 else { return }
    let rows = images * mergedSide * mergedSide
    try gather.kernel.setArguments(tokens, scratch)
    try gather.enqueue(items: channels * rows, countArgument: 4)
    try norm.enqueue(input: scratch, output: scratch, rows: rows)
    try reduction.enqueue(input: scratch, output: tokens, rows: rows)
  }
}
