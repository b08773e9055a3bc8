/// The number format of the linear layers' weights and operands. Sums, attention, LayerNorm and the residual stream stay
/// in f32 whatever it is.
package enum Precision: String, Sendable, CaseIterable, Codable {
  case f32
  /// bfloat16 weights and activations.
  case bf16
  /// 8-bit integers: weights with a scale for each output channel, activations with one for each row.
  case int8
}
