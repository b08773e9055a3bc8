import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("LayerNorm")
struct LayerNormTests {
  private func run(
    _ variant: Variant, _ input: [Float], channels: Int, affine: (scale: [Float], shift: [Float])? = nil,
    workGroupLimit: Int? = nil, inPlace: Bool = false
  ) throws -> [Float] {
    let context = try SharedContext.get()
    let norm = try LayerNorm(
      context: context, channels: channels, affine: affine, variant: variant, workGroupLimit: workGroupLimit)
    #expect(norm.variant == (channels.isMultiple(of: 16) ? variant : .portable))
    let buffer = try context.makeBuffer(input)
    let output = inPlace ? buffer : try context.makeBuffer(Float.self, count: input.count)
    try norm.enqueue(input: buffer, output: output, rows: input.count / channels)
    return try context.queue.read(output)
  }

  @Test("equals double precision for ragged rows, in place too", arguments: Variant.allCases, [1, 7, 50])
  func shapes(variant: Variant, rows: Int) throws {
    for channels in [16, 24, 96, 384, 1536] {
      var noise = Noise(seed: UInt64(channels))
      let input = noise.floats(rows * channels).map { 5 * $0 + 2 }
      let scale = noise.floats(channels)
      let shift = noise.floats(channels)
      let truth = (0..<rows).map { Truth.layerNorm(input.row($0, channels)) }
      let plain = try run(variant, input, channels: channels)
      #expect(largestDifference(plain, truth.joined()) <= 2e-6)
      #expect(try run(variant, input, channels: channels, inPlace: true) == plain)
      let affine = try run(variant, input, channels: channels, affine: (scale, shift))
      let scaled = truth.flatMap { zip($0, zip(scale, shift)).map { $0 * Double($1.0) + Double($1.1) } }
      #expect(largestDifference(affine, scaled) <= 3e-6)
    }
  }

  @Test("large, denormal and equal values are right, or no numbers", arguments: Variant.allCases)
  func hostile(variant: Variant) throws {
    let channels = 96
    #expect(try run(variant, [Float](repeating: 7.5, count: channels), channels: channels).allSatisfy { $0 == 0 })
    var noise = Noise(seed: 21)
    for scale in [0x1p-133, 1e-20, 1e-3, 1e15, 1e18] as [Float] {
      let input = noise.floats(channels).map { $0 * scale }
      let difference = largestDifference(
        try run(variant, input, channels: channels), Truth.layerNorm(input.row(0, channels)))
      #expect(difference <= 3e-6, "\(scale)")
    }
    // A large mean: the two-pass form loses what the numbers themselves have lost, not more.
    let offset = noise.floats(channels).map { $0 + 1000 }
    #expect(
      largestDifference(try run(variant, offset, channels: channels), Truth.layerNorm(offset.row(0, channels))) <= 5e-4)
    // Squares beyond the range: no silent zeros.
    let huge = noise.floats(channels).map { $0 * 1e30 }
    #expect(try run(variant, huge, channels: channels).allSatisfy { $0.isNaN })
    for poison in [Float.nan, .infinity] {
      var rows = noise.floats(3 * channels)
      let clean = try run(variant, rows, channels: channels)
      rows[channels + 3] = poison
      let output = try run(variant, rows, channels: channels)
      #expect(output.row(0, channels) == clean.row(0, channels))
      #expect(output.row(1, channels).allSatisfy { $0.isNaN })
      #expect(output.row(2, channels) == clean.row(2, channels))
    }
  }

  @Test("the portable kernel is right at every work-group limit", arguments: [1, 2, 3, 5, 31, 64])
  func workGroupLimits(limit: Int) throws {
    var noise = Noise(seed: 22)
    let input = noise.floats(7 * 50)
    let output = try run(.portable, input, channels: 50, workGroupLimit: limit)
    #expect(largestDifference(output, (0..<7).flatMap { Truth.layerNorm(input.row($0, 50)) }) <= 2e-6)
  }
}
