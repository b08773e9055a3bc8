import EsViT
import OpenCL
import Operators
import Testing

@testable import Benchmark

@Suite("The operators' work is counted as the paper counts it")
struct NetworkWorkTests {
  /// Table 1 of the Swin Transformer paper (arXiv 2103.14030), in billions of multiply-adds at 224 pixels, heads of 1000
  /// classes included: 8C·1000, which is below a thousandth.
  @Test("Swin-T, S and B have the paper's complexity", arguments: [("t", 4.5), ("s", 8.7), ("b", 15.4)])
  func paper(_ letter: Character, billions: Double) throws {
    let architecture = try #require(Architecture.named(letter, window: 7))
    let work = NetworkWork(architecture, Preprocessing())
    #expect(abs(work.operations / 2e9 - billions) < 0.06)
  }

  @Test("a small network by hand, ragged windows and all")
  func byHand() {
    // Two stages of one block: 10 × 10 tokens of 16 channels, then 5 × 5 of 32; windows of 4 (3 × 3, then 2 × 2 of them).
    let work = NetworkWork(
      Architecture(embedDimension: 16, depths: [1, 1], heads: [1, 2], window: 4, patchSize: 4, trainedSide: 32),
      Preprocessing(resize: 40, crop: 40))
    let attention = 2 * 2 * 16 * 16 * (9 * 16 + 4 * 32)
    #expect(work[.windowAttention].operations == Double(attention))
    let linear = 100 * 48 * 16 + 100 * 12 * 16 * 16 + 25 * 64 * 32 + 25 * 12 * 32 * 32
    #expect(work[.gemm].operations == Double(2 * linear))
    // Twice a block, behind the patches and at the end: each token read and written once.
    let norms = 100 * 16 * 3 + 25 * 32 * 3
    #expect(work[.layerNorm].bytes == Double(8 * norms))
    #expect(work[.layerNorm].operations == 0)
  }

  @Test("lower precisions move fewer bytes and do the same arithmetic")
  func precisions() throws {
    let architecture = try #require(Architecture.named("t", window: 7))
    let works = Precision.allCases.map { NetworkWork(architecture, Preprocessing(), precision: $0)[.gemm] }
    #expect(Set(works.map(\.operations)).count == 1)
    #expect(works[0].bytes > works[1].bytes && works[1].bytes > works[2].bytes)
  }

  @Test("blocks that run as one kernel take their work along, stage by stage")
  func fused() throws {
    func launch(_ file: String) -> LaunchRecord { LaunchRecord(command: .kernel("k", file: file), nanoseconds: 1) }
    let files =
      ["swin_block.cpu.cl", "swin_block.cpu.cl", "patchmerging.cl", "patchmerging.cl", "gemm.cl"]
      + ["swin_block.cpu.cl", "gemm.cl", "patchmerging.cl", "gemm.cl"]
    let blocks = OperatorBenchmark.fusedBlocks(files.map(launch), stages: 4)
    #expect(blocks == [2, 1, 0, 0])

    let architecture = try #require(Architecture.named("t", window: 7))
    let work = NetworkWork(architecture, Preprocessing(), fusedBlocks: blocks)
    let whole = NetworkWork(architecture, Preprocessing())
    #expect(work.operations == whole.operations)
    // The paper's formulas (1) and (2), in multiply-adds: 12 h w C² + 2 M² h w C.
    let first = 12 * 56 * 56 * 96 * 96 + 2 * 49 * 56 * 56 * 96
    let second = 12 * 28 * 28 * 192 * 192 + 2 * 49 * 28 * 28 * 192
    #expect(work[.swinBlock].operations == Double(2 * (2 * first + second)))
  }

  @Test("launches are summed by operator, and the median pass counts")
  func split() throws {
    func pass(_ milliseconds: UInt64) -> OperatorBenchmark.Pass {
      let gemm = LaunchRecord.Command.kernel("gemm", file: "gemm.cpu.cl")
      return OperatorBenchmark.Pass(
        records: [
          LaunchRecord(command: .write, nanoseconds: 1_000_000),
          LaunchRecord(command: gemm, nanoseconds: milliseconds * 1_000_000),
          LaunchRecord(command: .kernel("window_attention", file: "attention.cl"), nanoseconds: 2_000_000),
          LaunchRecord(command: .kernel("odd", file: "odd.cl"), nanoseconds: 500_000),
          LaunchRecord(command: gemm, nanoseconds: 3_000_000),
        ], wall: Double(milliseconds) + 10)
    }
    let architecture = try #require(Architecture.named("t", window: 7))
    let work = NetworkWork(architecture, Preprocessing())
    let split = try OperatorBenchmark.split([pass(9), pass(5), pass(7)], work)
    #expect(split.milliseconds == 17)
    #expect(split.operators.map(\.name) == ["gemm", "window attention", "copy to the device", "odd.cl"])
    #expect(split.operators.map(\.launches) == [2, 1, 1, 1])
    #expect(split.operators.map(\.milliseconds) == [10, 2, 1, 0.5])
    #expect(split.remainder == 3.5)
    #expect(split.operators[0].gigaflops == work[.gemm].operations / 10e6)
    #expect(split.operators[2].gigabytes == nil && split.operators[3].gigaflops == nil)
  }
}
