import EsViT
import OpenCL
import Operators

/// What one device reaches at most.
struct CeilingBenchmark {
  let sampling: Sampling
  /// Bytes of each of two buffers.
  var bytes = 256 << 20

  /// - Parameter precision: of the linear layers, whose own ceiling is measured where they use other instructions.
  @DeviceActor
  func run(on device: PreparedDevice, precision: Precision = .f32) throws -> BenchmarkReport.Ceilings {
    let context = device.context
    let queue = try context.queue
    func arithmetic(_ ceiling: Ceiling) throws -> Double {
      let steps = 4096
      return try rate(queue) { try ceiling.multiplyAdd(steps: steps) } * Double(steps * ceiling.operationsPerStep)
    }
    let ceiling = try Ceiling(context: context, bytes: bytes)
    var ceilings = BenchmarkReport.Ceilings(
      gigaflops: try arithmetic(ceiling), copy: try rate(queue, ceiling.copy) * Double(2 * ceiling.bytes),
      read: try rate(queue, ceiling.read) * Double(ceiling.bytes))
    if device.variants[.gemm(of: precision)] == .packed, try precision.hasInstructions(in: context) {
      ceilings.linear = try arithmetic(Ceiling(context: context, bytes: 1 << 20, instructions: precision))
    }
    return ceilings
  }

  /// The most that `enqueue` was done in a nanosecond: the best of several runs, each long enough for the wait at its
  /// end not to count.
  @DeviceActor
  private func rate(_ queue: CommandQueue, _ enqueue: () throws -> Void) throws -> Double {
    let clock = ContinuousClock()
    func milliseconds(_ count: Int) throws -> Double {
      try clock.measure {
        for _ in 0..<count { try enqueue() }
        try queue.finish()
      }.milliseconds
    }
    var count = 1
    _ = try milliseconds(1)
    while count < 1 << 16, try milliseconds(count) < 20 { count *= 2 }
    var brief = sampling.brief
    brief.runs = 20
    let best = try brief.distribution {
      for _ in 0..<count { try enqueue() }
      try queue.finish()
    }.minimum
    return Double(count) / (best * 1e6)
  }
}
