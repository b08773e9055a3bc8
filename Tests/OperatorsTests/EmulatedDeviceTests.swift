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
