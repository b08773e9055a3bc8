import EsViT
import OpenCL
import Operators

/// Where the time of one image goes, by the device's own clock.
struct OperatorBenchmark {
  let model: Model
  var precision = Precision.f32
  let sampling: Sampling

  /// - Parameter ceilings: what the figures are held against.
  func run(on device: PreparedDevice) async throws -> BenchmarkReport.OperatorSplit {
    let image = TissuePattern.image(0, side: model.preprocessing.resize)
    let passes = try await DeviceActor.run {
      let context = try device.context.profiling()
      let encoder = try EsViT.Encoder(
        model: model, context: context, maximumBatch: 1, precision: precision, variants: device.variants)
      let queue = try context.queue
      for _ in 0..<sampling.warmUps { _ = try encoder.encode([image]) }
      var passes: [Pass] = []
      _ = try sampling.brief.times {
        let clock = ContinuousClock()
        var records: [LaunchRecord] = []
        let wall = try clock.measure { records = try queue.profiled { _ = try encoder.encode([image]) } }
        passes.append(Pass(records: records, wall: wall.milliseconds))
      }
      return passes
    }
    let fused = Self.fusedBlocks(passes.first?.records ?? [], stages: model.architecture.stages)
    return try Self.split(
      passes, NetworkWork(model.architecture, model.preprocessing, precision: precision, fusedBlocks: fused))
  }

  /// One forward pass.
  struct Pass: Sendable {
    let records: [LaunchRecord]
    /// Milliseconds, of the host.
    let wall: Double
  }

  /// How many blocks of each stage were one kernel each; a merging of patches ends a stage.
  static func fusedBlocks(_ records: [LaunchRecord], stages: Int) -> [Int] {
    var blocks = [Int](repeating: 0, count: stages)
    var stage = 0
    var isMerging = false
    for record in records {
      let name = name(record.command)
      if name == OperatorKind.swinBlock.rawValue, stage < stages { blocks[stage] += 1 }
      // Merging may take several kernels.
      if name == OperatorKind.patchMerging.rawValue, !isMerging { stage += 1 }
      isMerging = name == OperatorKind.patchMerging.rawValue
    }
    return blocks
  }

  /// The median over the passes for each operator, the longest first.
  static func split(_ passes: [Pass], _ work: NetworkWork) throws -> BenchmarkReport.OperatorSplit {
    var times: [String: [Double]] = [:]
    for pass in passes {
      let sums = Dictionary(pass.records.map { (name($0.command), Double($0.nanoseconds) / 1e6) }, uniquingKeysWith: +)
      for (name, sum) in sums { times[name, default: []].append(sum) }
    }
    guard let wall = Distribution(milliseconds: passes.map(\.wall)), let first = passes.first else {
      throw BenchmarkError.noSample
    }
    let launches = Dictionary(first.records.map { (name($0.command), 1) }, uniquingKeysWith: +)
    let operators = times.compactMap { name, times -> BenchmarkReport.OperatorTime? in
      guard let median = Distribution(milliseconds: times)?.p50 else { return nil }
      let done = OperatorKind(rawValue: name).map { work[$0] } ?? NetworkWork.Work()
      func rate(_ amount: Double) -> Double? { amount > 0 && median > 0 ? amount / (median * 1e6) : nil }
      return BenchmarkReport.OperatorTime(
        name: name, launches: launches[name] ?? 0, milliseconds: median, gigaflops: rate(done.operations),
        gigabytes: rate(done.bytes))
    }
    return BenchmarkReport.OperatorSplit(
      milliseconds: wall.p50,
      operators: operators.sorted { ($1.milliseconds, $0.name) < ($0.milliseconds, $1.name) })
  }

  /// The operator that a command belongs to, which its file's name tells: `gemm.cpu.cl` is of GEMM.
  private static func name(_ command: LaunchRecord.Command) -> String {
    switch command {
    case .write: return "copy to the device"
    case .read: return "copy from the device"
    case .kernel(_, let file):
      let stem = file.prefix { $0 != "." && $0 != "_" }.lowercased()
      let kind = OperatorKind.allCases.first { $0.fileStem == stem }
      return kind?.rawValue ?? file
    }
  }
}

extension OperatorKind {
  /// What the names of its kernels' files begin with.
  fileprivate var fileStem: String {
    switch self {
    case .windowAttention: "attention"
    case .swinBlock: "swin"
    case .topK: "top"
    default: rawValue.filter { $0 != " " }
    }
  }
}
