import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("The self-check compares every operator with double precision")
struct SelfCheckTests {
  static let context = Result { try Context(device: Device.select("auto"), cacheDirectory: nil) }

  @Test("the device's variants pass at the small shapes, and every operation is among them")
  func passes() throws {
    let report = try SelfCheck.settle(Self.context.get())
    #expect(report.warnings.isEmpty)
    #expect(report.variants == .preferred(for: try Self.context.get().device))
    #expect(Set(report.results.map(\.kind)) == Set(OperatorKind.allCases))
  }

  @Test("the portable variants pass, too")
  func portable() throws {
    for result in SelfCheck.run(try Self.context.get(), variants: .portable) {
      #expect(result.passed, "\(result)")
    }
  }
}
