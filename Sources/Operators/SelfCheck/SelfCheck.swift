import OpenCL

/// Known answers for every operator, on the production kernels, before the first real job.
@DeviceActor
package enum SelfCheck {
  /// Runs the variant that `variants` names for each of `shapes` and compares with double precision.
  ///
  /// A driver's error is a failed result, not a thrown one.
  package static func run(
    _ context: Context, variants: Variants, shapes: [OperatorShape] = OperatorShape.small
  ) -> [CheckResult] {
    shapes.map { shape in
      let variant = variants[shape.kind]
      let check = OperatorCheck(context: context, variants: variants)
      do throws(OpenCLError) {
        return CheckResult(
          kind: shape.kind, variant: variant, shape: shape.description, maximumError: try check.error(of: shape),
          tolerance: OperatorCheck.tolerance(of: shape), failure: nil)
      } catch {
        return CheckResult(
          kind: shape.kind, variant: variant, shape: shape.description, maximumError: .nan,
          tolerance: OperatorCheck.tolerance(of: shape), failure: error.description)
      }
    }
  }

  /// Checks `preferred` (the fastest variants where nil) and drops each variant that disagrees for the next more portable.
  ///
  /// - Throws: `SelfCheckError` where a portable kernel disagrees, too.
  package static func settle(
    _ context: Context, preferred: Variants? = nil, shapes: [OperatorShape] = OperatorShape.small
  ) throws(SelfCheckError) -> CheckReport {
    var variants = preferred ?? .preferred(for: context.device)
    var warnings: [String] = []
    var results: [CheckResult] = []
    // What others are made of comes first: blocks, merging and embedding run GEMM and LayerNorm.
    let order: [OperatorKind] = [
      .gemm, .gemmBF16, .gemmInt8, .layerNorm, .windowAttention, .swinBlock, .preprocess, .patchEmbedding,
      .patchMerging, .pool, .distance, .distanceInt8, .topK,
    ]
    for kind in order {
      let own = shapes.filter { $0.kind == kind }
      var found = run(context, variants: variants, shapes: own)
      results += found
      while let bad = found.first(where: { !$0.passed }), variants[kind] != .portable {
        let lower = kind.variants.prefix { $0 != variants[kind] }.last ?? .portable
        warnings.append("dropped for the \(lower.rawValue) kernel: \(bad)")
        variants[kind] = lower
        found = run(context, variants: variants, shapes: own)
        results += found
      }
      guard found.allSatisfy(\.passed) else {
        throw SelfCheckError(device: context.device.description, results: found)
      }
    }
    return CheckReport(variants: variants, results: results, warnings: warnings)
  }
}
