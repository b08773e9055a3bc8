/// How far one kernel variant was from the double-precision answer at one shape.
package struct CheckResult: Sendable, Codable, CustomStringConvertible {
  /// What was run, `gemm`.
  package let kind: OperatorKind
  package let variant: Variant
  /// `50×96 → 384, gelu`
  package let shape: String
  /// The largest absolute difference over the largest magnitude of the answer; NaN where the device gave one.
  package let maximumError: Double
  package let tolerance: Double
  /// Why there is no error to show: the driver's complaint.
  package let failure: String?

  package var passed: Bool { failure == nil && maximumError <= tolerance }

  package var description: String {
    let outcome = failure ?? "error \(maximumError), allowed \(tolerance)"
    return "\(kind.rawValue) (\(variant.rawValue)) at \(shape): \(outcome)"
  }
}

/// Which variants of the operators a device runs correctly, and how that was found.
package struct CheckReport: Sendable {
  /// What passed: to be given to every operator.
  package let variants: Variants
  package let results: [CheckResult]
  /// One line for each variant that was dropped for the portable one.
  package let warnings: [String]
}

/// The device computes wrongly even with the portable kernels.
package struct SelfCheckError: Error, Sendable, CustomStringConvertible {
  package let device: String
  package let results: [CheckResult]

  package var description: String {
    "\(device) is refused: its answers are wrong. "
      + results.filter { !$0.passed }.map(\.description).joined(separator: "; ")
      + ". Update its driver, or choose another device with --device"
  }
}
