import Foundation
import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("GEMM")
struct GEMMTests {
  struct Kind: Sendable, CustomTestStringConvertible {
    let variant: Variant
    let vectorBits: Int?
    var testDescription: String { vectorBits.map { "\(variant.rawValue), \($0) bits" } ?? variant.rawValue }
    static let all = [
      Kind(variant: .portable, vectorBits: nil), Kind(variant: .cpu, vectorBits: 512),
      Kind(variant: .cpu, vectorBits: 256),
    ]
  }

  private func run(
    _ kind: Kind, _ weights: LinearWeights, _ input: [Float], rows: Int, epilogue: GEMM.Epilogue = .bias,
    before: [Float]? = nil, workGroupLimit: Int? = nil
  ) throws -> [Float] {
    let context = try SharedContext.get()
    let gemm = try GEMM(
      context: context, weights: weights, epilogue: epilogue, variant: kind.variant, workGroupLimit: workGroupLimit,
      vectorBits: kind.vectorBits)
    let padded = GEMM.paddedRows(rows)
    let slack = [Float](repeating: 0, count: (padded - rows) * weights.inputs)
    let output = try context.makeBuffer(
      (before ?? []) + [Float](repeating: 0, count: padded * weights.outputs - (before?.count ?? 0)))
    try gemm.enqueue(input: try context.makeBuffer(input + slack), output: output, rows: rows)
    return try context.queue.read(output, count: rows * weights.outputs)
  }

  @Test(
    "equals double precision for ragged rows, inputs and outputs, with every epilogue", arguments: Kind.all,
    [1, 7, 50])
  func shapes(kind: Kind, rows: Int) throws {
    for (inputs, outputs) in [(1, 1), (48, 96), (33, 64), (96, 130), (20, 16), (17, 47)] {
      var noise = Noise(seed: UInt64(inputs * outputs))
      let weights = LinearWeights(
        inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs), bias: noise.floats(outputs),
        inputScale: noise.floats(inputs), inputShift: noise.floats(inputs), outputScale: noise.floats(outputs))
      let input = noise.floats(rows * inputs)
      let before = noise.floats(rows * outputs)
      for epilogue in GEMM.Epilogue.allCases {
        let output = try run(kind, weights, input, rows: rows, epilogue: epilogue, before: before)
        let truth = (0..<rows).flatMap { row -> [Double] in
          let sums = Truth.linear(weights, input: input.row(row, inputs))
          switch epilogue {
          case .bias: return sums
          case .gelu: return sums.map(Truth.gelu)
          case .residual: return zip(sums, before.row(row, outputs)).map(+)
          }
        }
        #expect(largestDifference(output, truth) <= 8e-6, "\(inputs) → \(outputs), \(epilogue)")
      }
    }
  }

  @Test("GELU is the exact one to 1e-7 or half a unit of the last place, over all of its range", arguments: Kind.all)
  func gelu(kind: Kind) throws {
    let identity = LinearWeights(
      inputs: 16, outputs: 16, weight: (0..<256).map { $0 % 17 == 0 ? 1 : 0 }, bias: nil)
    var values = (0..<65_536).map { Float($0) / 4096 - 8 }
    values += [-30, -1e3, -1e30, 30, 1e3, 1e30, 1e-30, -1e-30, 0x1p-133, -0x1p-133, 0]
    values += [5.9999995, 6, -6, -5.9999995, -13.5]
    // A product of 0 and an infinity would be NaN: the identity's zeros allow no infinite neighbours.
    let output = try run(kind, identity, values, rows: values.count / 16, epilogue: .gelu)
    var worst = 0.0
    for (value, x) in zip(output, values) {
      // Not x/2 (1 + erf), which cancels in the tail.
      let truth = 0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())
      worst = max(worst, abs(Double(value) - truth) - Double(Float(abs(truth)).ulp) * 0.5)
    }
    // The portable variant is the driver's erf, which OpenCL allows 16 units of the last place.
    #expect(worst <= (kind.variant == .cpu ? 1e-7 : 1e-6))
  }

  @Test("large, denormal and equal values come out as in double precision", arguments: Kind.all)
  func hostile(kind: Kind) throws {
    for scale in [1e15, 1e-19, 0x1p-133] as [Float] {
      var noise = Noise(seed: 11)
      let weights = LinearWeights(
        inputs: 32, outputs: 48, weight: noise.floats(32 * 48).map { $0 * (scale > 1 ? scale : 1) })
      let input = noise.floats(7 * 32).map { $0 * scale }
      let output = try run(kind, weights, input, rows: 7)
      let truth = (0..<7).flatMap { Truth.linear(weights, input: input.row($0, 32)) }
      let size = truth.map(abs).max() ?? 0
      #expect(largestDifference(output, truth) <= max(1e-6 * size, 1e-38), "\(scale)")
    }
    let equal = LinearWeights(inputs: 3072, outputs: 16, weight: [Float](repeating: 0.1, count: 3072 * 16))
    let output = try run(kind, equal, [Float](repeating: 0.1, count: 3072), rows: 1)
    #expect(output.allSatisfy { $0 == output[0] && abs($0 - 30.72) < 2e-3 })
  }

  @Test("a NaN or an infinity stays in its own row and never turns into a number", arguments: Kind.all)
  func notANumber(kind: Kind) throws {
    var noise = Noise(seed: 12)
    let weights = LinearWeights(inputs: 40, outputs: 64, weight: noise.floats(40 * 64))
    for poison in [Float.nan, .infinity, -.infinity] {
      for epilogue in [GEMM.Epilogue.bias, .gelu] {
        var input = noise.floats(9 * 40)
        let clean = try run(kind, weights, input, rows: 9, epilogue: epilogue)
        input[3 * 40 + 5] = poison
        let output = try run(kind, weights, input, rows: 9, epilogue: epilogue)
        for row in 0..<9 where row != 3 { #expect(output.row(row, 64) == clean.row(row, 64)) }
        // GELU of a negative infinity is 0.
        let isLost = { (x: Double) in !x.isFinite || epilogue == .gelu && poison.isInfinite && abs(x) < 1e-6 }
        let lost = output.row(3, 64).filter(isLost)
        #expect(lost.count == 64)
      }
    }
  }

  @Test("the portable kernel gives the same bits at every work-group limit", arguments: [1, 3, 4, 17, 63, 64, 255])
  func workGroupLimits(limit: Int) throws {
    var noise = Noise(seed: 13)
    let weights = LinearWeights(inputs: 37, outputs: 70, weight: noise.floats(37 * 70), bias: noise.floats(70))
    let input = noise.floats(50 * 37)
    let portable = Kind.all[0]
    let free = try run(portable, weights, input, rows: 50, epilogue: .gelu)
    #expect(try run(portable, weights, input, rows: 50, epilogue: .gelu, workGroupLimit: limit) == free)
  }

  @Test("weights that do not fit and buffers without room are refused")
  func refusals() throws {
    let context = try SharedContext.get()
    #expect(throws: OpenCLError.self) {
      try GEMM(context: context, weights: LinearWeights(inputs: 3, outputs: 2, weight: [1, 2, 3]), variant: .cpu)
    }
    let weights = LinearWeights(inputs: 16, outputs: 16, weight: [Float](repeating: 1, count: 256))
    for variant in Variant.allCases {
      let gemm = try GEMM(context: context, weights: weights, variant: variant)
      let small = try context.makeBuffer(Float.self, count: 8 * 16)
      let large = try context.makeBuffer(Float.self, count: 40 * 16)
      #expect(throws: OpenCLError.self) { try gemm.enqueue(input: small, output: large, rows: 9) }
      #expect(throws: OpenCLError.self) { try gemm.enqueue(input: large, output: small, rows: 9) }
    }
  }
}
