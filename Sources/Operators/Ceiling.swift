import Kernels
import OpenCL

/// Kernels that do nothing but compute, or nothing but move memory: what a device reaches at most.
@DeviceActor
package final class Ceiling {
  /// Bytes that one `copy` copies and one `read` reads.
  package nonisolated let bytes: Int
  /// Additions and multiplications of one `multiplyAdd`, for each step.
  package nonisolated let operationsPerStep: Int

  private let queue: CommandQueue
  private let arithmetic: FlatKernel
  private let copying: FlatKernel
  private let reading: FlatKernel
  private let from: Buffer<Float>
  private let to: Buffer<Float>
  /// Work-items that share the memory.
  private let items: Int
  private let workers: Int

  /// - Parameters:
  ///   - bytes: of each of two buffers, at most; far more than the caches hold.
  ///   - instructions: of the multiply-adds. Other precisions than f32 are for devices whose linear layers run the
  ///     `packed` variant.
  package init(
    context: Context, bytes limit: Int = 256 << 20, instructions: Precision = .f32
  ) throws(OpenCLError) {
    let device = context.device
    queue = try context.queue
    let isCPU = device.kind == .cpu
    let width = isCPU ? 16 : 4
    let block = isCPU ? 1024 : 1
    let part = 4 * width * block
    items = max(1, min(limit, device.maximumAllocation, device.globalMemory / 8) / part)
    bytes = items * part
    // A CPU's cores take turns at 32 items each; other devices need thousands a unit to be full.
    workers = device.computeUnits * (isCPU ? 32 : 4096)
    // 12 chains, or the 6 that a CPU of narrow vectors has registers for (`ceiling.cl`).
    let isNarrow = isCPU ? try VectorBits.of(context) < 512 : false
    let chains = isNarrow ? 6 : 12
    let (products, definitions): (Int, [String]) =
      switch instructions {
      case .f32: (1, [])
      case .bf16: (2, ["BF16"])
      case .int8: (4, ["INT8"])
      }
    operationsPerStep = 2 * products * chains * width * workers

    let source = KernelFile.ceiling.source(
      (isCPU ? ["CPU"] : []) + definitions + ["CHAINS=\(chains)", "BLOCK=\(block)"])
    let limit = isCPU ? 1 : nil
    arithmetic = try FlatKernel("multiply_add", of: source, limit: limit, in: context)
    copying = try FlatKernel("copy", of: source, limit: limit, in: context)
    reading = try FlatKernel("read", of: source, limit: limit, in: context)
    from = try context.makeBuffer(count: bytes / 4)
    to = try context.makeBuffer(count: max(bytes / 4, workers * width))
    // Pages that were never written are all the same one: both buffers are touched.
    try queue.fill(from, with: 1)
    try queue.fill(to, with: 0)
    try queue.finish()
  }

  /// Enqueues `steps · operationsPerStep` operations on registers.
  package func multiplyAdd(steps: Int) throws(OpenCLError) {
    try arithmetic.kernel.setArguments(to, 0.5 as Float, 1 as Float, Int32(clamping: steps))
    try arithmetic.enqueue(items: workers, countArgument: 4)
  }

  /// Enqueues a copy of `bytes` from one buffer to the other.
  package func copy() throws(OpenCLError) {
    try copying.kernel.setArguments(from, to)
    try copying.enqueue(items: items, countArgument: 2)
  }

  /// Enqueues a kernel that reads `bytes` and keeps a sum for each work-item.
  package func read() throws(OpenCLError) {
    try reading.kernel.setArguments(from, to)
    try reading.enqueue(items: items, countArgument: 2)
  }

  /// What the last command left: the results of `multiplyAdd` and `read`, or the copy.
  func result() throws(OpenCLError) -> [Float] { try queue.read(to) }
}
