import Kernels
import OpenCL

/// The width of a CPU's vectors, as its compiler reports it.
@DeviceActor
enum VectorBits {
  /// 512, 256 or 128.
  static func of(_ context: Context) throws(OpenCLError) -> Int {
    let bits = try context.makeBuffer([0] as [Int32])
    let kernel = try context.kernel("vector_bits", KernelFile.vector16.source())
    try kernel.setArguments(bits)
    try context.queue.enqueue(kernel, global: [1], local: [1])
    return Int(try context.queue.read(bits).first ?? 0)
  }
}
