import Foundation
import OpenCL
import Testing

@testable import Operators

/// What `scripts/check-kernels` runs on oclgrind's emulated device, minutes a run elsewhere seconds: every operation with
/// every variant at small, ragged shapes, which is where an index goes astray.
@DeviceActor
@Suite(
  "Every variant on an emulated device",
  .enabled(if: ProcessInfo.processInfo.environment["ESVIT_OCLGRIND"] != nil, "scripts/check-kernels runs it"))
struct EmulatedDeviceTests {
  @Test("the device is the emulator")
  func device() throws { #expect(try SharedContext.get().device.platformName == "Oclgrind") }

  @Test("every operation equals double precision", arguments: Variant.allCases)
  func operations(variant: Variant) throws {
    var variants = Variants.portable
    for kind in OperatorKind.allCases where kind.variants.contains(variant) { variants[kind] = variant }
    let shapes = OperatorShape.small + Precision.allCases.flatMap(OperatorShape.small(of:))
    for result in SelfCheck.run(try SharedContext.get(), variants: variants, shapes: shapes) {
      #expect(result.passed, "\(result)")
    }
  }

  @Test("rows written for layers of low precision equal double precision", arguments: [Precision.bf16, .int8])
  func written(precision: Precision) throws {
    let context = try SharedContext.get()
    var variants = Variants.portable
    for kind in [OperatorKind.layerNorm, .windowAttention] { variants[kind] = .cpu }
    variants[.gemm(of: precision)] = .packed
    let shapes: [OperatorShape] = [
      .layerNorm(rows: 3, channels: 32, precision: precision),
      .windowAttention(
        images: 1, .init(side: 5, window: 3, shift: 1, heads: 2, headDimension: 16), precision: precision),
    ]
    for result in SelfCheck.run(context, variants: variants, shapes: shapes) { #expect(result.passed, "\(result)") }
  }

  @Test("the packed block in plain C", arguments: [Precision.bf16, .int8])
  func packedBlock(precision: Precision) throws {
    let context = try SharedContext.get()
    var variants = Variants.portable
    variants[.swinBlock] = .cpu
    variants[.gemm(of: precision)] = .packed
    let shape = WindowAttention.Shape(side: 5, window: 3, shift: 1, heads: 3, headDimension: 16)
    var noise = Noise(seed: 1)
    let block = try SwinBlock(
      context: context, shape: shape, weights: SwinBlock.Weights(shape, noise: &noise), precision: precision,
      variants: variants, computeUnits: 1, assembly: false)
    #expect(block.variant == .packed)
    let tokens = try context.makeBuffer(noise.floats(25 * 48))
    try block.enqueue(tokens: tokens, narrow: Operand(values: tokens), wide: Operand(values: tokens), images: 1)
    let isFinite = try context.queue.read(tokens).allSatisfy { $0.isFinite }
    #expect(isFinite)
  }

  @Test("the packed GEMM in plain C, with every epilogue", arguments: [Precision.bf16, .int8], GEMM.Epilogue.allCases)
  func packed(precision: Precision, epilogue: GEMM.Epilogue) throws {
    let context = try SharedContext.get()
    for (inputs, outputs, group) in [(16, 48, 16), (32, 32, 16), (16, 16, 16)] {
      var noise = Noise(seed: 1)
      let weights = LinearWeights(inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs))
      let format: OperandFormat =
        epilogue != .gelu ? .f32 : precision == .bf16 ? .bf16 : .int8(group: GEMM.outputGroup(outputs))
      let gemm = try GEMM(
        context: context, weights: weights, epilogue: epilogue, precision: precision, group: group, output: format,
        variant: .packed, assembly: false)
      #expect(gemm.variant == .packed)
      let padded = GEMM.paddedRows(8)
      let output = try Operand(rows: padded, width: outputs, format, in: context)
      try context.queue.fill(output.values, with: 0)
      try gemm.enqueue(
        input: try Operand(
          rows: noise.floats(8 * inputs), width: inputs, paddedRows: padded, gemm.inputFormat, in: context),
        output: output, rows: 8)
      let isFinite = try output.read(8 * outputs, format, from: context).allSatisfy { $0.isFinite }
      #expect(isFinite)
    }
  }

  @Test("the widest tiles of the CPU's GEMM, with every epilogue", arguments: GEMM.Epilogue.allCases)
  func wideTiles(epilogue: GEMM.Epilogue) throws {
    let context = try SharedContext.get()
    for (inputs, outputs) in [(5, 48), (3, 32), (4, 70)] {
      var noise = Noise(seed: 1)
      let weights = LinearWeights(inputs: inputs, outputs: outputs, weight: noise.floats(inputs * outputs))
      let gemm = try GEMM(context: context, weights: weights, epilogue: epilogue, variant: .cpu, vectorBits: 512)
      let rows = GEMM.paddedRows(8)
      let output = try context.makeBuffer([Float](repeating: 0, count: rows * outputs))
      try gemm.enqueue(input: try context.makeBuffer(noise.floats(rows * inputs)), output: output, rows: 8)
      let finite = try context.queue.read(output).allSatisfy { $0.isFinite }
      #expect(finite)
    }
  }
}
