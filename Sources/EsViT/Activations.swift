import OpenCL
import Operators

/// What flows through the network, allocated once for the largest batch and the largest stage.
@DeviceActor
struct Activations {
  /// `[rows, C]`: the residual stream.
  let tokens: Buffer<Float>
  /// `[rows, C]`: normalised tokens, attended values; before the first stage, the patches.
  let narrow: Operand
  /// `[rows, 4C]`: queries, keys and values; the MLP's hidden layer; merged neighbours.
  let wide: Operand
}
