import OpenCL
import Operators
import Testing

@testable import EsViT

@Suite("What a trial run finds reaches the process that asked")
struct FindingsTests {
  @Test("dropped kernels stay dropped, and their warnings are kept", arguments: OperatorKind.allCases)
  func dropped(_ kind: OperatorKind) throws {
    var variants = Variants.portable
    for other in OperatorKind.allCases where other != kind { variants[other] = .cpu }
    let warning = "dropped for the portable kernel: \(kind.rawValue) (cpu) at 7×96: error \"nan\"\nnext line"
    let line = try Findings(variants: variants, warnings: [warning]).line()
    #expect(!line.contains("\n"))
    let found = try Findings(line)
    #expect(found.warnings == [warning])
    for other in OperatorKind.allCases { #expect(found.variants[other] == variants[other]) }
  }

  @Test("a trial run that did not say what it found is an error that quotes it", arguments: ["", "{}", "segfault"])
  func silent(_ line: String) {
    let error = #expect(throws: OpenCLError.self) { try Findings(line) }
    #expect(error?.description.contains("it said: \(line)") == true)
  }
}
