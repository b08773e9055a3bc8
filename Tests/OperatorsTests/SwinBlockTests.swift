import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Swin block")
struct SwinBlockTests {
  /// The chain of operators, and the CPU's one kernel with the tiles of AVX-512 and of AVX2.
  struct Kind: Sendable, CustomTestStringConvertible {
    let variant: Variant
    var vectorBits: Int?
    var testDescription: String { vectorBits.map { "\(variant.rawValue), \($0) bits" } ?? variant.rawValue }
    static let fused = [Kind(variant: .cpu, vectorBits: 512), Kind(variant: .cpu, vectorBits: 256)]
    static let all = [Kind(variant: .portable)] + fused
  }

  private struct Input {
    let shape: WindowAttention.Shape
    let weights: SwinBlock.Weights
    var tokens: [Float]

    init(_ shape: WindowAttention.Shape, images: Int = 1, scale: Float = 1) {
      var noise = Noise(seed: UInt64(shape.side * 100 + shape.shift))
      self.shape = shape
      weights = SwinBlock.Weights(shape, noise: &noise)
      tokens = noise.floats(images * shape.side * shape.side * shape.channels).map { $0 * scale }
    }
  }

  private func run(_ kind: Kind, _ input: Input, computeUnits: Int = 1) throws -> [Float] {
    let context = try SharedContext.get()
    let shape = input.shape
    var variants = Variants.preferred(for: context.device)
    variants[.swinBlock] = kind.variant
    let block = try SwinBlock(
      context: context, shape: shape, weights: input.weights, variants: variants, computeUnits: computeUnits,
      vectorBits: kind.vectorBits)
    #expect(block.variant == kind.variant)
    let rows = input.tokens.count / shape.channels
    let padded = GEMM.paddedRows(rows) * shape.channels
    let tokens = try context.makeBuffer(input.tokens + [Float](repeating: 0, count: padded - input.tokens.count))
    let zeros = [Float](repeating: 0, count: 4 * padded)
    try block.enqueue(
      tokens: tokens, narrow: Operand(values: try context.makeBuffer(zeros)),
      wide: Operand(values: try context.makeBuffer(zeros)), images: rows / (shape.side * shape.side))
    return try context.queue.read(tokens, count: input.tokens.count)
  }

  private nonisolated static let shapes: [WindowAttention.Shape] = [
    .init(side: 14, window: 7, shift: 0, heads: 3, headDimension: 32),
    .init(side: 14, window: 7, shift: 3, heads: 1, headDimension: 32),
    .init(side: 10, window: 7, shift: 3, heads: 2, headDimension: 16),  // padded
    .init(side: 7, window: 7, shift: 0, heads: 1, headDimension: 48),  // one window
    .init(side: 9, window: 3, shift: 1, heads: 2, headDimension: 64),  // nine windows
    .init(side: 20, window: 14, shift: 7, heads: 2, headDimension: 32),
  ]

  @Test("equals double precision at every token, shifted, masked and padded", arguments: Kind.all, shapes)
  func shapes(kind: Kind, shape: WindowAttention.Shape) throws {
    let input = Input(shape, images: 2)
    let output = try run(kind, input)
    let truth = BlockTruth(shape, input.weights, tokens: input.tokens)
    let rows = 2 * shape.side * shape.side
    for row in stride(from: 0, to: rows, by: rows > 200 ? 13 : 3) {
      let found = output.row(row, shape.channels).map(Float.init)
      #expect(largestDifference(found, truth.row(row)) <= 2e-5, "\(row)")
    }
  }

  @Test("an image's bits are the same alone and in a batch", arguments: Kind.all)
  func batches(kind: Kind) throws {
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 3, heads: 3, headDimension: 32)
    let both = Input(shape, images: 2)
    var second = both
    second.tokens = Array(both.tokens.suffix(both.tokens.count / 2))
    #expect(try run(kind, second) == Array(try run(kind, both).suffix(second.tokens.count)))
  }

  @Test("one window a work-group gives the bits of two", arguments: Kind.fused)
  func groups(kind: Kind) throws {
    // Four units and four windows: two a work-group would leave two idle.
    let input = Input(.init(side: 14, window: 7, shift: 3, heads: 3, headDimension: 32))
    #expect(try run(kind, input, computeUnits: 4) == run(kind, input))
  }

  @Test("large, small and equal values come out as in double precision", arguments: Kind.all)
  func hostile(kind: Kind) throws {
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 3, heads: 1, headDimension: 32)
    for scale in [0, 0x1p-133, 1e-10, 1e10] as [Float] {
      let input = Input(shape, scale: scale)
      let output = try run(kind, input)
      let truth = BlockTruth(shape, input.weights, tokens: input.tokens)
      for row in [0, 97, 195] {
        let found = output.row(row, 32).map(Float.init)
        #expect(largestDifference(found, truth.row(row)) <= 2e-5 * max(1, Double(scale)), "\(scale)")
      }
    }
  }

  @Test("what is not a number reaches its own window, and no number comes of it", arguments: Kind.all)
  func notANumber(kind: Kind) throws {
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32)
    for poison in [Float.nan, .infinity, -.infinity, 1e30] {
      var input = Input(shape)
      let clean = try run(kind, input)
      input.tokens[(3 * 14 + 4) * 32 + 7] = poison
      let output = try run(kind, input)
      for token in 0..<196 where token / 14 >= 7 || token % 14 >= 7 {
        #expect(output.row(token, 32) == clean.row(token, 32))
      }
      // The variance of a value of 1e30 is beyond f32: none is better than a wrong one.
      #expect(output.row(3 * 14 + 4, 32).allSatisfy { $0.isNaN })
    }
  }

  @Test("the chain runs where the kernel would leave compute units idle, or has no form")
  func choice() throws {
    let context = try SharedContext.get()
    var variants = Variants.portable
    variants[.swinBlock] = .cpu
    let cases: [(WindowAttention.Shape, Int, Precision, Variant)] = [
      (.init(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32), 4, .f32, .cpu),
      (.init(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32), 5, .f32, .portable),
      (.init(side: 7, window: 7, shift: 0, heads: 1, headDimension: 32), 2, .f32, .portable),
      (.init(side: 14, window: 7, shift: 0, heads: 1, headDimension: 8), 1, .f32, .portable),
      (.init(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32), 1, .bf16, .portable),
    ]
    for (shape, units, precision, expected) in cases {
      var noise = Noise(seed: 1)
      let block = try SwinBlock(
        context: context, shape: shape, weights: SwinBlock.Weights(shape, noise: &noise), precision: precision,
        variants: variants, computeUnits: units)
      #expect(block.variant == expected)
    }
  }

  @Test(
    "of low precision equals double precision over rounded operands, but for values that a step divides",
    arguments: [Precision.bf16, .int8], [true, false])
  func lowPrecision(precision: Precision, assembly: Bool) throws {
    let context = try SharedContext.get()
    if assembly, try !precision.hasInstructions(in: context) { return }
    var variants = Variants.preferred(for: context.device)
    variants[.swinBlock] = .cpu
    variants[.gemm(of: precision)] = .packed
    for shape in [
      WindowAttention.Shape(side: 14, window: 7, shift: 3, heads: 1, headDimension: 48),
      .init(side: 10, window: 7, shift: 3, heads: 2, headDimension: 32),  // padded
      .init(side: 9, window: 3, shift: 1, heads: 3, headDimension: 16),
    ] {
      let input = Input(shape, images: 2)
      let block = try SwinBlock(
        context: context, shape: shape, weights: input.weights, precision: precision, variants: variants,
        computeUnits: 1, assembly: assembly)
      #expect(block.variant == .packed)
      let tokens = try context.makeBuffer(input.tokens)
      let scratch = Operand(values: tokens)
      try block.enqueue(tokens: tokens, narrow: scratch, wide: scratch, images: 2)
      let output = try context.queue.read(tokens)
      let truth = BlockTruth(shape, input.weights, precision: precision, tokens: input.tokens)
      var errors = 0.0
      var sizes = 0.0
      for row in stride(from: 0, to: 2 * shape.side * shape.side, by: 31) {
        let answer = truth.row(row)
        for (value, answer) in zip(output.row(row, shape.channels), answer) {
          errors += (value - answer) * (value - answer)
          sizes += answer * answer
        }
      }
      #expect((errors / sizes).squareRoot() <= 3e-3, "\(shape)")
    }
  }

  @Test("a not-a-number in a block of low precision reaches its own window", arguments: [Precision.bf16, .int8])
  func lowPrecisionNotANumber(precision: Precision) throws {
    let context = try SharedContext.get()
    var variants = Variants.preferred(for: context.device)
    variants[.swinBlock] = .cpu
    variants[.gemm(of: precision)] = .packed
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32)
    for poison in [Float.nan, .infinity, 1e30] {
      var input = Input(shape)
      input.tokens[(3 * 14 + 4) * 32 + 7] = poison
      let block = try SwinBlock(
        context: context, shape: shape, weights: input.weights, precision: precision, variants: variants,
        computeUnits: 1, assembly: false)
      let tokens = try context.makeBuffer(input.tokens)
      try block.enqueue(
        tokens: tokens, narrow: Operand(values: tokens), wide: Operand(values: tokens), images: 1)
      let output = try context.queue.read(tokens)
      for token in 0..<196 {
        let isInWindow = token / 14 < 7 && token % 14 < 7
        #expect(output.row(token, 32).allSatisfy { $0.isFinite } == !isInWindow)
      }
    }
  }

  @Test("layers that do not fit and buffers without room are refused", arguments: [Variant.portable, .cpu])
  func refusals(variant: Variant) throws {
    let context = try SharedContext.get()
    var variants = Variants.preferred(for: context.device)
    variants[.swinBlock] = variant
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32)
    var noise = Noise(seed: 1)
    var weights = SwinBlock.Weights(shape, noise: &noise)
    let block = try SwinBlock(context: context, shape: shape, weights: weights, variants: variants, computeUnits: 1)
    let small = try context.makeBuffer(Float.self, count: 195 * 32)
    let scratch = Operand(values: small)
    #expect(throws: OpenCLError.self) { try block.enqueue(tokens: small, narrow: scratch, wide: scratch, images: 1) }
    weights.expansion = weights.projection
    #expect(throws: OpenCLError.self) {
      try SwinBlock(context: context, shape: shape, weights: weights, variants: variants, computeUnits: 1)
    }
  }
}
