import OpenCL

/// Rows in an operand's format, written and read by the host: what packed kernels are checked with.
extension Truth {
  /// The bytes of `rows`, `[count, width]` f32, in `format`, each four as one f32, and the steps of its groups.
  static func packed(
    _ rows: [Float], width: Int, _ format: OperandFormat
  ) -> (values: [Float], steps: [Float]) {
    switch format {
    case .f32: return (rows, [])
    case .bf16:
      let halves = rounded(rows, .bf16, group: width).map { UInt8(truncatingIfNeeded: Float($0).bitPattern >> 16) }
      let highs = rounded(rows, .bf16, group: width).map { UInt8(truncatingIfNeeded: Float($0).bitPattern >> 24) }
      return (words(zip(halves, highs).flatMap { [$0, $1] }), [])
    case .int8(let group):
      var bytes: [UInt8] = []
      var steps: [Float] = []
      for first in stride(from: 0, to: rows.count, by: group) {
        let values = Array(rows[first..<first + group])
        let isFinite = values.allSatisfy(\.isFinite)
        let step = max(values.map(abs).max() ?? 0, 1e-30) * (1.0 / 127.0 as Float)
        steps.append(isFinite ? step : .nan)
        bytes += rounded(values, .int8, group: group).map { isFinite ? UInt8(128 + ($0 / Double(step)).rounded()) : 0 }
      }
      return (words(bytes), steps)
    }
  }

  /// What rows of `format` say, as f32.
  static func unpacked(_ values: [Float], steps: [Float], count: Int, _ format: OperandFormat) -> [Float] {
    let words = values.map(\.bitPattern)
    switch format {
    case .f32: return Array(values[..<count])
    case .bf16: return (0..<count).map { Float(bitPattern: (words[$0 / 2] >> UInt32(16 * ($0 % 2))) << 16) }
    case .int8(let group):
      return (0..<count).map { Float(Int((words[$0 / 4] >> UInt32(8 * ($0 % 4))) & 255) - 128) * steps[$0 / group] }
    }
  }

  private static func words(_ bytes: [UInt8]) -> [Float] {
    stride(from: 0, to: bytes.count, by: 4).map { first in
      let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[first + $1]) << UInt32(8 * $1) }
      return Float(bitPattern: word)
    }
  }
}

extension Operand {
  /// `rows`, `[count, width]` f32, as `format` has them, with room for `paddedRows`.
  init(
    rows: [Float], width: Int, paddedRows: Int, _ format: OperandFormat, in context: Context
  ) throws(OpenCLError) {
    let (values, steps) = Truth.packed(rows, width: width, format)
    func filled(_ values: [Float], _ count: Int) -> [Float] {
      values + [Float](repeating: 0, count: max(0, count - values.count))
    }
    let groups = rows.isEmpty ? 0 : steps.count * paddedRows / (rows.count / width)
    self.init(
      values: try context.makeBuffer(filled(values, paddedRows * width)),
      steps: steps.isEmpty ? nil : try context.makeBuffer(filled(steps, groups)))
  }

  /// Room for `rows` rows of `format`, filled with NaN.
  init(rows: Int, width: Int, _ format: OperandFormat, in context: Context) throws(OpenCLError) {
    let groups = if case .int8(let group) = format { rows * width / group } else { 0 }
    self.init(
      values: try context.makeBuffer([Float](repeating: .nan, count: rows * width)),
      steps: groups > 0 ? try context.makeBuffer([Float](repeating: .nan, count: groups)) : nil)
  }

  /// The first `count` values of rows of `format`.
  func read(_ count: Int, _ format: OperandFormat, from context: Context) throws(OpenCLError) -> [Float] {
    Truth.unpacked(
      try context.queue.read(values),
      steps: try steps.map { steps throws(OpenCLError) in try context.queue.read(steps) } ?? [],
      count: count, format)
  }
}
