import OpenCL

/// How the rows that a linear layer reads lie in memory.
package enum OperandFormat: Sendable, Hashable {
  /// f32; a layer of lower precision rounds them in place first.
  case f32
  /// bfloat16.
  case bf16
  /// 8-bit integers with one step for each `group` neighbouring values of a row (`vector16.cl`).
  case int8(group: Int)

  /// For the kernel that writes such rows.
  @DeviceActor
  func definitions(in context: Context) throws(OpenCLError) -> [String] {
    switch self {
    case .f32: []
    case .bf16: ["OPERAND_BF16"] + (try Precision.bf16.hasInstructions(in: context) ? ["ASSEMBLY"] : [])
    case .int8: ["OPERAND_INT8"]
    }
  }
}

/// Rows in front of a linear layer, in the format that it reads, in memory that has room for f32.
@DeviceActor
package struct Operand {
  /// `[rows, width]`
  package let values: Buffer<Float>
  /// `[rows, groups]` where the rows are int8: the size of a step of each group.
  package let steps: Buffer<Float>?

  package init(values: Buffer<Float>, steps: Buffer<Float>? = nil) {
    self.values = values
    self.steps = steps
  }

  /// The steps of `count` groups.
  ///
  /// - Throws: `OpenCLError` where there is no room for them.
  func steps(_ count: Int, of operation: String) throws(OpenCLError) -> Buffer<Float> {
    guard let steps, steps.count >= count else {
      throw OpenCLError(operation: operation, detail: "there is no room for \(count) steps of int8 rows")
    }
    return steps
  }
}

extension Precision {
  /// Whether the device runs code with the format's own instructions: PoCL, where it makes code for 512-bit vectors and
  /// the processor has them.
  @DeviceActor
  package func hasInstructions(in context: Context) throws(OpenCLError) -> Bool {
    guard Variant.packed.suits(context.device, for: self) else { return false }
    return try VectorBits.of(context) >= 512
  }
}
