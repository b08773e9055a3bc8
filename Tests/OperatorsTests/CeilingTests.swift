import OpenCL
import Testing

@testable import Operators

@DeviceActor
@Suite("The ceilings' kernels do what they are measured for")
struct CeilingTests {
  private func ceiling(_ instructions: Precision = .f32) throws -> Ceiling {
    try Ceiling(
      context: try Context(device: Device.select("auto"), cacheDirectory: nil), bytes: 1 << 20,
      instructions: instructions)
  }

  nonisolated private static let packed: [Precision] = {
    guard let device = try? Device.select("auto") else { return [] }
    return [.bf16, .int8].filter { Variants.preferred(for: device)[.gemm(of: $0)] == .packed }
  }()

  @Test("low precisions add as many products as are counted", arguments: packed)
  func products(_ precision: Precision) throws {
    guard try precision.hasInstructions(in: Context(device: Device.select("auto"), cacheDirectory: nil)) else { return }
    let ceiling = try ceiling(precision)
    try ceiling.multiplyAdd(steps: 5)
    // Twelve chains start at 0, 1, … 11; each step adds a product of ones 2 or 4 times.
    let products: Float = precision == .bf16 ? 2 : 4
    #expect(try ceiling.result()[..<16].allSatisfy { $0 == 66 + 12 * 5 * products })
    let single = try self.ceiling().operationsPerStep
    #expect(ceiling.operationsPerStep == Int(products) * single)
  }

  @Test("multiply-adds converge to what the recurrence does")
  func multiplyAdd() throws {
    let ceiling = try ceiling()
    try ceiling.multiplyAdd(steps: 3)
    // x = x/2 + 1 three times is x/8 + 7/4, summed over the chains 0, 1, …
    let values = try ceiling.result()
    let chains = values[0] == 21 + 66.0 / 8 ? 12 : 6
    let expected = Float(chains) * 1.75 + Float(chains * (chains - 1) / 2) / 8
    let width = ceiling.operationsPerStep / (2 * chains)
    #expect(values[..<width].allSatisfy { $0 == expected })
  }

  @Test("a copy copies all, and a read adds all up")
  func memory() throws {
    let ceiling = try ceiling()
    try ceiling.copy()
    #expect(try ceiling.result()[..<(ceiling.bytes / 4)].allSatisfy { $0 == 1 })
    let reader = try self.ceiling()
    try reader.read()
    #expect(try reader.result().reduce(0, +) == Float(reader.bytes / 4))
  }
}
