import Kernels
import Testing

@testable import OpenCL
@testable import Operators

@DeviceActor
@Suite("The self-check compares every operator with double precision")
struct SelfCheckTests {
  static let context = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }

  /// Of every operation and precision.
  private static let shapes = OperatorShape.small + Precision.allCases.flatMap(OperatorShape.small(of:))

  @Test("the device's variants pass at the small shapes, and every operation is among them")
  func passes() throws {
    let report = try SelfCheck.settle(Self.context.get(), shapes: Self.shapes)
    #expect(report.warnings.isEmpty)
    #expect(report.variants == .preferred(for: try Self.context.get().device))
    #expect(Set(report.results.map(\.kind)) == Set(OperatorKind.allCases))
  }

  @Test("the portable variants pass, too")
  func portable() throws {
    for result in SelfCheck.run(try Self.context.get(), variants: .portable, shapes: Self.shapes) {
      #expect(result.passed, "\(result)")
    }
  }

  /// A mistake in one kernel, as a driver's compiler might make it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let kind: OperatorKind
    let file: KernelFile
    var definitions: [String] = []
    var preludes: [KernelFile] = [.vector16]
    let good: String
    let bad: String
    var testDescription: String { "\(file.name): \(bad)" }

    static let cpu: [Fault] = [
      Fault(
        kind: .layerNorm, file: .layerNormCPU, good: "int c = 0; c < channels; c += 16) sum +=",
        bad: "int c = 16; c < channels; c += 16) sum +="),
      Fault(
        kind: .windowAttention, file: .attentionCPU, definitions: ["WINDOW=7", "HEAD_DIM=32"],
        preludes: [.vector16, .window],
        good: "(float16)(-100.0f * LOG2_E), (float16)(0.0f)", bad: "(float16)(0.0f), (float16)(0.0f)"),
      Fault(
        kind: .patchMerging, file: .patchMergingCPU, good: "+ i % 2, column = 2 * (place % half_side) + i / 2",
        bad: "+ i / 2, column = 2 * (place % half_side) + i % 2"),
    ]

    /// Makes `context` run the faulty kernel.
    @DeviceActor
    func plant(in context: Context) throws {
      let source = file.source(definitions, preludes: file.name.contains(".cpu.") ? preludes : [])
      let text = source.text.replacing(good, with: bad)
      try #require(text != source.text)
      context.programs[source] = try context.program(
        ProgramSource(name: source.name, text: text, definitions: source.definitions))
    }
  }

  @Test("a variant with a fault is dropped for the portable one, by name", arguments: Fault.cpu)
  func dropped(fault: Fault) throws {
    let context = try Context(device: Self.context.get().device, cacheDirectory: nil)
    try fault.plant(in: context)
    var preferred = Variants.portable
    preferred[fault.kind] = .cpu
    let report = try SelfCheck.settle(
      context, preferred: preferred, shapes: OperatorShape.small.filter { $0.kind == fault.kind })
    #expect(report.variants[fault.kind] == .portable)
    #expect(report.warnings.count == 1)
    #expect(report.warnings.first?.contains("\(fault.kind.rawValue) (cpu)") == true)
  }

  @Test("a packed kernel with a fault is dropped for the one over rounded values")
  func packedDropped() throws {
    let context = try Context(device: Self.context.get().device, cacheDirectory: nil)
    guard try Precision.int8.hasInstructions(in: context) else { return }
    try Fault(
      kind: .gemmInt8, file: .gemmPackedCPU,
      definitions: ["VECTORS=3", "PANELS=3", "RESIDUAL", "ASSEMBLY", "INT8", "GROUP=32"],
      preludes: [.vector16, .tileShape, .packedTile],
      good: "g < (groups); ++g", bad: "g < (groups) - 1; ++g"
    ).plant(in: context)
    let report = try SelfCheck.settle(
      context, shapes: OperatorShape.small(of: .int8).filter { $0.kind == .gemmInt8 })
    #expect(report.variants[.gemmInt8] == .cpu)
    #expect(report.warnings.count == 1)
    #expect(report.warnings.first?.contains("gemm int8 (packed)") == true)
  }

  @Test("a device whose portable kernel has a fault, too, is refused")
  func refused() throws {
    let context = try Context(device: Self.context.get().device, cacheDirectory: nil)
    try Fault(
      kind: .pool, file: .pool, definitions: ["T=64"], good: "sum / tokens", bad: "sum / (tokens + 1)"
    ).plant(in: context)
    let error = #expect(throws: SelfCheckError.self) { try SelfCheck.settle(context) }
    #expect(error?.description.contains("pool (portable)") == true)
  }

  @Test("a kernel that does not compile is a failure with the compiler's words, not a stop")
  func doesNotCompile() throws {
    let context = try Context(device: Self.context.get().device, cacheDirectory: nil)
    let source = KernelFile.layerNormCPU.source(prelude: .vector16)
    context.programs[source] = try context.program(
      ProgramSource(name: source.name, text: "__kernel void other(__global float *x) { x[0] = 1; }"))
    let report = try SelfCheck.settle(context, shapes: [.layerNorm(rows: 7, channels: 32)])
    #expect(report.variants[.layerNorm] == .portable)
    #expect(report.warnings.first?.contains("layer_norm") == true)
  }
}
