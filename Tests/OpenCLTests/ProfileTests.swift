import Foundation
import Testing

@testable import OpenCL

@DeviceActor
@Suite("A queue tells what ran on it and for how long")
struct ProfileTests {
  private static let source = ProgramSource(
    name: "count.cl",
    text: """
      __kernel void count_up(__global float *sum, const int steps) {
        float x = sum[0];
        for (int i = 0; i < steps; ++i) x = x * 0.5f + 1.0f;
        sum[0] = x;
      }
      """)

  @Test("commands come in order with their names, and one that does more takes longer")
  func records() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil).profiling()
    let sum = try context.makeBuffer(Float.self, count: 1)
    let kernel = try context.kernel("count_up", Self.source)
    let queue = try context.queue
    let records = try queue.profiled {
      try queue.write([1], to: sum)
      for steps in [1, 20_000_000] as [Int32] {
        try kernel.setArguments(sum, steps)
        try queue.enqueue(kernel, global: [1])
      }
      _ = try queue.read(sum)
    }
    let count = LaunchRecord.Command.kernel("count_up", file: "count.cl")
    #expect(records.map(\.command) == [.write, count, count, .read])
    #expect(records[2].nanoseconds > 100 * records[1].nanoseconds || records[2].nanoseconds > 5_000_000)
    #expect(try queue.profiled {}.isEmpty, "what ran before is not told again")
  }

  @Test("a queue that was not made for it says so")
  func withoutProfiling() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let buffer = try context.makeBuffer(Float.self, count: 1)
    let queue = try context.queue
    #expect(throws: OpenCLError.self) { try queue.profiled { try queue.write([1], to: buffer) } }
  }
}
