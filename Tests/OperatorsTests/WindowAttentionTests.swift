import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("Window attention")
struct WindowAttentionTests {
  private struct Input {
    let shape: WindowAttention.Shape
    let images: Int
    var qkv: [Float]
    let table: [Float]
    let padding: [Float]

    init(_ shape: WindowAttention.Shape, images: Int = 1, scale: Float = 2) {
      self.shape = shape
      self.images = images
      var noise = Noise(seed: UInt64(shape.side * 100 + shape.shift))
      qkv = noise.floats(images * shape.side * shape.side * 3 * shape.channels).map { $0 * scale }
      let positions = 2 * shape.window - 1
      table = noise.floats(positions * positions * shape.heads).map { 3 * $0 }
      padding = noise.floats(3 * shape.channels)
    }

    func truth(image: Int, token: Int) -> [Double] {
      Truth.attention(shape, qkv: qkv, paddingToken: padding, table: table, image: image, token: token)
    }
  }

  private func run(_ variant: Variant, _ input: Input, workGroupLimit: Int? = nil) throws -> [Float] {
    let context = try SharedContext.get()
    let shape = input.shape
    let attention = try WindowAttention(
      context: context, shape: shape, table: input.table, paddingToken: input.padding, variant: variant,
      workGroupLimit: workGroupLimit)
    let count = input.images * shape.side * shape.side * shape.channels
    let output = try context.makeBuffer([Float](repeating: .nan, count: count))
    try attention.enqueue(input: try context.makeBuffer(input.qkv), output: output, images: input.images)
    return try context.queue.read(output)
  }

  private nonisolated static let shapes: [WindowAttention.Shape] = [
    .init(side: 7, window: 7, shift: 0, heads: 2, headDimension: 32),
    .init(side: 14, window: 7, shift: 3, heads: 1, headDimension: 32),
    .init(side: 10, window: 7, shift: 3, heads: 2, headDimension: 16),  // padded
    .init(side: 4, window: 7, shift: 0, heads: 1, headDimension: 48),  // less than a window
    .init(side: 10, window: 5, shift: 2, heads: 1, headDimension: 64),
    .init(side: 20, window: 14, shift: 7, heads: 1, headDimension: 32),
    .init(side: 3, window: 1, shift: 0, heads: 1, headDimension: 16),
    .init(side: 6, window: 4, shift: 2, heads: 3, headDimension: 8),  // no CPU variant
  ]

  @Test("equals double precision at every token, shifted, masked and padded", arguments: Variant.allCases, shapes)
  func shapes(variant: Variant, shape: WindowAttention.Shape) throws {
    let input = Input(shape, images: 2)
    let output = try run(variant, input)
    let tokens = shape.side * shape.side
    let step = tokens > 200 ? 7 : 1
    for token in stride(from: 0, to: 2 * tokens, by: step) {
      let found = output.row(token, shape.channels).map(Float.init)
      #expect(largestDifference(found, input.truth(image: token / tokens, token: token % tokens)) <= 2e-5)
    }
  }

  @Test("one key that outweighs all others, equal keys and tiny ones are right", arguments: Variant.allCases)
  func hostile(variant: Variant) throws {
    let shape = WindowAttention.Shape(side: 7, window: 7, shift: 0, heads: 1, headDimension: 32)
    for scale in [0, 0x1p-133, 1e-10, 30, 1000] as [Float] {
      let input = Input(shape, scale: scale)
      let output = try run(variant, input)
      for token in [0, 24, 48] {
        // A score of s is known to s · 2^-24 · √32 or so, and so is the logarithm of a weight.
        let tolerance = Double(scale) * max(4e-6, 1e-6 * Double(scale) * Double(scale)) + 0x1p-147
        let found = output.row(token, 32).map(Float.init)
        #expect(largestDifference(found, input.truth(image: 0, token: token)) <= tolerance, "\(scale)")
      }
    }
  }

  @Test(
    "a key or query that is not a number reaches its own window, and no number comes of it", arguments: Variant.allCases
  )
  func notANumber(variant: Variant) throws {
    let shape = WindowAttention.Shape(side: 14, window: 7, shift: 0, heads: 1, headDimension: 32)
    for part in 0..<3 {
      for poison in [Float.nan, .infinity] {
        var input = Input(shape)
        let clean = try run(variant, input)
        input.qkv[(3 * 14 + 4) * 96 + 32 * part + 7] = poison
        let output = try run(variant, input)
        for token in 0..<196 {
          let isNear = token / 14 < 7 && token % 14 < 7
          if !isNear { #expect(output.row(token, 32) == clean.row(token, 32)) }
        }
        // A query spoils its own row, a value one column of the window; an infinite key decides its rows by its sign.
        let own = output.row(3 * 14 + 4, 32)
        if part == 0 || poison.isNaN && part == 1 { #expect(own.allSatisfy { $0.isNaN }) }
        if part == 2 { #expect(!own[7].isFinite) }
      }
    }
  }

  @Test("the portable kernel gives the same bits at every work-group limit", arguments: [1, 2, 5, 63])
  func workGroupLimits(limit: Int) throws {
    let input = Input(.init(side: 10, window: 7, shift: 3, heads: 2, headDimension: 16))
    let free = try run(.portable, input)
    #expect(try run(.portable, input, workGroupLimit: limit) == free)
  }
}
