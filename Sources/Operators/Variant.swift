import OpenCL

/// Which kernel an operator runs.
package enum Variant: String, Sendable, Codable, CaseIterable {
  /// Runs on any OpenCL 1.2 device.
  case portable
  /// One work-item a work-group over 16-wide vectors: for devices that are CPUs.
  case cpu
  /// The same over operands that lie in memory in their low precision, by the processor's instructions for it.
  case packed
}

/// The operations that have kernels, in the order of a request's way.
package enum OperatorKind: String, Sendable, Codable, CaseIterable {
  case preprocess
  case patchEmbedding = "patch embedding"
  case layerNorm = "layer norm"
  case gemm
  case gemmBF16 = "gemm bf16"
  case gemmInt8 = "gemm int8"
  case windowAttention = "window attention"
  case swinBlock = "swin block"
  case patchMerging = "patch merging"
  case pool
  case distance
  case distanceInt8 = "distance int8"
  case topK = "top-k"
}

/// The variant of each operation on one device. What is not listed runs its portable kernel.
package struct Variants: Sendable, Equatable {
  private var chosen: [OperatorKind: Variant]

  /// Portable kernels throughout.
  package static let portable = Variants(chosen: [:])

  /// The fastest variants that exist for what `device` reports itself to be.
  package static func preferred(for device: Device) -> Variants {
    var variants = portable
    for kind in OperatorKind.allCases {
      if let variant = kind.variants.last(where: { $0.suits(device, for: kind.precision) }) { variants[kind] = variant }
    }
    return variants
  }

  /// Whether the linear layers of `precision` have a kernel here that is faster than that of f32: one that multiplies in
  /// that format, and does not only round in front of f32's.
  package func isFast(_ precision: Precision) -> Bool {
    precision == .f32 || self[.gemm(of: precision)] == .packed
  }

  package subscript(kind: OperatorKind) -> Variant {
    get { chosen[kind] ?? .portable }
    set { chosen[kind] = newValue }
  }
}

extension OperatorKind {
  /// The linear layers of a precision.
  package static func gemm(of precision: Precision) -> OperatorKind {
    switch precision {
    case .f32: .gemm
    case .bf16: .gemmBF16
    case .int8: .gemmInt8
    }
  }

  /// What its packed variant multiplies; f32 for kinds without one.
  var precision: Precision {
    switch self {
    case .gemmBF16: .bf16
    case .gemmInt8, .distanceInt8: .int8
    default: .f32
    }
  }

  /// The variants that are written, from the most portable to the fastest.
  package var variants: [Variant] {
    switch self {
    case .gemmBF16, .gemmInt8: [.portable, .cpu, .packed]
    case .distanceInt8: [.portable, .packed]
    case .preprocess, .layerNorm, .gemm, .windowAttention, .swinBlock,
      .patchMerging, .distance:
      [.portable, .cpu]
    default: [.portable]
    }
  }
}

extension Variant {
  /// Whether the variant is meant for devices like `device`.
  package func suits(_ device: Device, for precision: Precision = .f32) -> Bool {
    switch self {
    case .portable: true
    case .cpu: device.kind == .cpu
    case .packed:
      switch precision {
      case .f32: false
      case .bf16: device.kind == .cpu && device.isPoCL && Processor.current.flags.contains("avx512_bf16")
      case .int8: device.kind == .cpu && device.isPoCL && Processor.current.flags.contains("avx512_vnni")
      }
    }
  }
}
