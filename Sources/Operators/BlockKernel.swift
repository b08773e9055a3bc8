import OpenCL

/// A block as one kernel of a CPU, some windows a work-group. `init(f32:…)` and `init(packed:…)` make it; its first
/// argument is the tokens.
@DeviceActor
struct BlockKernel {
  let kernel: Kernel
  private let queue: CommandQueue
  private let valuesPerImage: Int
  private let groupsPerImage: Int

  /// - Parameter group: windows of a work-group; divides those of a map.
  init(_ source: ProgramSource, shape: WindowAttention.Shape, group: Int, in context: Context) throws(OpenCLError) {
    kernel = try context.kernel("swin_block", source)
    queue = try context.queue
    valuesPerImage = shape.side * shape.side * shape.channels
    groupsPerImage = shape.windows / group
  }

  func enqueue(tokens: Buffer<Float>, images: Int) throws(OpenCLError) {
    guard tokens.count >= images * valuesPerImage else {
      throw OpenCLError(operation: "Swin block over \(images) maps", detail: "the buffer is smaller")
    }
    try kernel.setArguments(tokens)
    try queue.enqueue(kernel, global: [images * groupsPerImage], local: [1])
  }

  /// Whether `groups` work-groups an image keep nearly all compute units busy to the end: the chain's layers spread over
  /// all of them. It depends on nothing that changes from batch to batch, so that answers do not.
  nonisolated static func isBusy(groups: Int, computeUnits: Int) -> Bool {
    let turns = (groups + computeUnits - 1) / computeUnits
    return 10 * groups >= 9 * turns * computeUnits
  }
}

extension WindowAttention.Shape {
  /// The outputs of the layer of queries, keys and values in the order that the kernels read them: head by head, query,
  /// key, value.
  var headByHead: [Int] {
    (0..<heads).flatMap { head in
      (0..<3).flatMap { part in (0..<headDimension).map { part * channels + head * headDimension + $0 } }
    }
  }
}
