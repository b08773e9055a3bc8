/// How vectors lie in device memory.
package enum VectorFormat: String, Sendable, Codable, CaseIterable {
  /// Rounded to half precision: half the memory and twice the speed.
  case f16
  case f32

  package var bytesPerElement: Int { self == .f16 ? 2 : 4 }
  /// For kernels that read it.
  var definitions: [String] { self == .f32 ? ["VECTOR_F32"] : [] }
}
