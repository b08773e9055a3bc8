import OpenCL

/// From patches of pixels to tokens: a strided convolution, which is a linear layer over each patch, and a LayerNorm.
@DeviceActor
package final class PatchEmbedding {
  private let projection: GEMM
  private let norm: LayerNorm

  /// - Parameters:
  ///   - weight: `[channels, 3, patch, patch]`, for normalised pixels.
  ///   - mean: of red, green and blue in 0…1; folded into the projection, as is `std`.
  package init(
    context: Context, patch: Int, weight: [Float], bias: [Float], mean: [Float], std: [Float],
    norm: (scale: [Float], shift: [Float]), variants: Variants
  ) throws(OpenCLError) {
    let channels = bias.count
    let pixels = patch * patch
    guard mean.count == 3, std.count == 3, weight.count == channels * 3 * pixels else {
      throw OpenCLError(
        operation: "Patch embedding",
        detail: "\(weight.count) weights and \(bias.count) biases for patches of \(patch) pixels a side")
    }
    // Preprocess leaves 0…255 in the order row, column, channel: w · (v/255 - mean)/std = (w/(255 std)) · v - w·mean/std.
    var folded = [Float](repeating: 0, count: weight.count)
    var foldedBias = bias
    for n in 0..<channels {
      var shift = Double(bias[n])
      for c in 0..<3 {
        let scale = 1 / (255 * Double(std[c]))
        for i in 0..<pixels {
          let value = Double(weight[(n * 3 + c) * pixels + i])
          folded[(n * pixels + i) * 3 + c] = Float(value * scale)
          shift -= value * Double(mean[c]) / Double(std[c])
        }
      }
      foldedBias[n] = Float(shift)
    }
    projection = try GEMM(
      context: context,
      weights: LinearWeights(inputs: 3 * pixels, outputs: channels, weight: folded, bias: foldedBias),
      variant: variants[.gemm])
    self.norm = try LayerNorm(context: context, channels: channels, affine: norm, variant: variants[.layerNorm])
  }

  /// Enqueues `rows` patches of `[rows, patch²·3]`, values 0…255 in the order row, column, channel, to tokens
  /// `[rows, channels]`.
  package func enqueue(patches: Buffer<Float>, tokens: Buffer<Float>, rows: Int) throws(OpenCLError) {
    try projection.enqueue(input: patches, output: tokens, rows: rows)
    try norm.enqueue(input: tokens, output: tokens, rows: rows)
  }
}
