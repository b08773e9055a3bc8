import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Linear layers of low precision")
struct LowPrecisionTests {
  /// A precision and one of its kernels.
  struct Kind: Sendable, CustomTestStringConvertible {
    let precision: Precision
    let variant: Variant
    /// Of the packed variant: by the processor's instructions where it has them, or in plain C.
    var assembly: Bool?
    var testDescription: String { "\(precision.rawValue), \(variant.rawValue)\(assembly == false ? ", plain" : "")" }
    static let all = [Precision.bf16, .int8].flatMap { precision in
      Variant.allCases.map { Kind(precision: precision, variant: $0) }
        + [Kind(precision: precision, variant: .packed, assembly: false)]
    }
  }

  private func run(
    _ kind: Kind, _ weights: LinearWeights, _ input: [Float], rows: Int, epilogue: GEMM.Epilogue = .bias,
    group: Int? = nil, before: [Float]? = nil
  ) throws -> [Float] {
    let context = try SharedContext.get()
    let gemm = try GEMM(
      context: context, weights: weights, epilogue: epilogue, precision: kind.precision, group: group,
      variant: kind.variant, assembly: kind.assembly)
    let padded = GEMM.paddedRows(rows)
    let operand = try Operand(
      rows: input, width: weights.inputs, paddedRows: padded, gemm.inputFormat, in: context)
    let output = try context.makeBuffer(
      (before ?? []) + [Float](repeating: 0, count: padded * weights.outputs - (before?.count ?? 0)))
    try gemm.enqueue(input: operand, output: Operand(values: output), rows: rows)
    return try context.queue.read(output, count: rows * weights.outputs)
  }

  @Test(
    "equal double precision over the rounded operands, for ragged rows, inputs and outputs, with every epilogue",
    arguments: Kind.all, [1, 7, 50])
  func shapes(kind: Kind, rows: Int) throws {
    let shapes: [(Int, Int, Int?)] = [
      (1, 1, nil), (48, 96, nil), (96, 48, 32), (33, 64, nil), (96, 130, 48), (20, 16, 16), (17, 47, nil),
    ]
    for (inputs, outputs, group) in shapes {
      var noise = Noise(seed: UInt64(inputs * outputs))
      let weights = LinearWeights(
        inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs), bias: noise.floats(outputs),
        inputScale: noise.floats(inputs), inputShift: noise.floats(inputs), outputScale: noise.floats(outputs))
      let input = noise.floats(rows * inputs)
      let before = noise.floats(rows * outputs)
      let rounded = Truth.RoundedWeights(weights, kind.precision)
      let sums = (0..<rows).flatMap {
        Truth.linear(rounded, input: input[$0 * inputs..<($0 + 1) * inputs], group: group)
      }
      for epilogue in GEMM.Epilogue.allCases {
        let output = try run(kind, weights, input, rows: rows, epilogue: epilogue, group: group, before: before)
        let truth =
          switch epilogue {
          case .bias: sums
          case .gelu: sums.map(Truth.gelu)
          case .residual: zip(sums, before).map { $0 + Double($1) }
          }
        // The packed kernels' GELU is an approximation.
        let tolerance = epilogue == .gelu && kind.variant == .packed ? 3e-4 : 1e-5
        #expect(largestDifference(output, truth) <= tolerance, "\(inputs) → \(outputs), \(epilogue)")
      }
    }
  }

  /// Written down from the formats' definitions, not computed by the code under test.
  @Test("operands are rounded to the nearest value that the format has", arguments: Variant.allCases)
  func rounding(variant: Variant) throws {
    let identity = LinearWeights(inputs: 16, outputs: 16, weight: (0..<256).map { $0 % 17 == 0 ? 1 : 0 })
    let ones: [Float] = [
      1, 0x1.01p0, 0x1.03p0, 0x1.010002p0, -0x1.01p0, 0x1.fep0, 0x1.ffp0, 3e38, 0x1p-126, 0, 0, 0, 0, 0, 0, 0,
    ]
    let bf16 = try run(Kind(precision: .bf16, variant: variant), identity, ones, rows: 1)
    #expect(
      bf16 == [1, 1, 0x1.04p0, 0x1.02p0, -1, 0x1.fep0, 2, 0x1.c4p127, 0x1p-126, 0, 0, 0, 0, 0, 0, 0])
    let steps: [Float] = [
      127, 1, 0.5, 0.51, 1.5, 2.5, -127, -0.49, 126.6, 63.2, 0, 100, 12.75, -0.51, 3, 4,
    ]
    let int8 = try run(Kind(precision: .int8, variant: variant), identity, steps, rows: 1)
    let expected: [Float] = [127, 1, 0, 1, 2, 2, -127, 0, 127, 63, 0, 100, 13, -1, 3, 4]
    for (value, answer) in zip(int8, expected) { #expect(abs(value - answer) <= 2e-5) }
  }

  @Test("large, denormal and equal values come out as in double precision", arguments: Kind.all)
  func hostile(kind: Kind) throws {
    for scale in [1e15, 1e-19, 0x1p-133] as [Float] {
      var noise = Noise(seed: 11)
      let weights = LinearWeights(
        inputs: 32, outputs: 48, weight: noise.floats(32 * 48).map { $0 * (scale > 1 ? scale : 1) })
      let input = noise.floats(7 * 32).map { $0 * scale }
      let output = try run(kind, weights, input, rows: 7)
      let rounded = Truth.RoundedWeights(weights, kind.precision)
      let truth = (0..<7).flatMap { Truth.linear(rounded, input: input[$0 * 32..<$0 * 32 + 32]) }
      let size = truth.map(abs).max() ?? 0
      #expect(largestDifference(output, truth) <= max(1e-6 * size, 1e-36), "\(scale)")
    }
    // The longest sums of a Swin-B, all of the largest steps: 32-bit integers must hold them.
    let equal = LinearWeights(inputs: 4096, outputs: 16, weight: [Float](repeating: 0.5, count: 4096 * 16))
    for value in [2, -2] as [Float] {
      let output = try run(kind, equal, [Float](repeating: value, count: 4096), rows: 1)
      #expect(output.allSatisfy { $0 == output[0] && abs($0 - 2048 * value) < 0.1 })
    }
  }

  @Test("a NaN or an infinity stays in its own row and never turns into a number", arguments: Kind.all)
  func notANumber(kind: Kind) throws {
    var noise = Noise(seed: 12)
    let weights = LinearWeights(inputs: 64, outputs: 64, weight: noise.floats(64 * 64))
    for poison in [Float.nan, .infinity, -.infinity] {
      for group in [nil, 16] {
        var input = noise.floats(9 * 64)
        let clean = try run(kind, weights, input, rows: 9, group: group)
        input[3 * 64 + 5] = poison
        let output = try run(kind, weights, input, rows: 9, group: group)
        for row in 0..<9 where row != 3 { #expect(output.row(row, 64) == clean.row(row, 64)) }
        let isLost = { (x: Double) in !x.isFinite }
        let lost = output.row(3, 64).filter(isLost)
        #expect(lost.count == 64)
      }
    }
  }

  @Test("a weight that is not a number makes its output none", arguments: Kind.all)
  func weightNotANumber(kind: Kind) throws {
    var noise = Noise(seed: 13)
    var values = noise.floats(32 * 48)
    values[5 * 32 + 7] = .nan
    let weights = LinearWeights(inputs: 32, outputs: 48, weight: values)
    let output = try run(kind, weights, noise.floats(7 * 32), rows: 7)
    for row in 0..<7 {
      for column in 0..<48 { #expect(output[row * 48 + column].isNaN == (column == 5)) }
    }
  }
}
