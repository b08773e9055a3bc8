import Foundation
import Testing

@testable import OpenCL

@DeviceActor
@Suite("A context compiles, runs and copies")
struct ContextTests {
  private static let addition = ProgramSource(
    name: "addition.cl",
    text: """
      __kernel void add(__global const float *a, __global const float *b, __global float *sum, const float scale) {
        const size_t i = get_global_id(0);
        sum[i] = scale * (a[i] + b[i]);
      }
      """)

  @Test("a kernel's result comes back to the host")
  func kernelRuns() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let a = try context.makeBuffer([1, 2, 3] as [Float])
    let b = try context.makeBuffer([10, 20, 30] as [Float])
    let sum = try context.makeBuffer(Float.self, count: 3)
    let kernel = try context.kernel("add", Self.addition)
    try kernel.setArguments(a, b, sum, 2 as Float)
    try context.queue.enqueue(kernel, global: [3])
    #expect(try context.queue.read(sum) == [22, 44, 66])
    try context.queue.fill(sum, with: 7, at: 1, count: 1)
    try context.queue.copy(sum, at: 1, to: a, at: 0, count: 2)
    #expect(try context.queue.read(a) == [7, 66, 3])
  }

  @Test("a compiler's complaint names the source and quotes the log")
  func brokenSource() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let error = #expect(throws: OpenCLError.self) {
      try context.program(ProgramSource(name: "broken.cl", text: "__kernel void f() { nonsense }"))
    }
    #expect(error?.description.contains("broken.cl") == true)
    #expect(error?.description.contains("nonsense") == true)
  }

  @Test("a range beyond a buffer is refused before the driver sees it")
  func ranges() throws {
    let context = try Context(device: Device.select("auto"), cacheDirectory: nil)
    let buffer = try context.makeBuffer([1, 2, 3] as [Float])
    #expect(throws: OpenCLError.self) { try context.queue.read(buffer, at: 2, count: 2) }
    #expect(throws: OpenCLError.self) { try context.queue.write([1, 2], to: buffer, at: -1) }
  }
}
