/// One OpenCL C file of this folder, embedded in the binary.
package struct KernelFile: Sendable, Hashable {
  /// The file's name, for messages.
  package let name: String
  package let text: String

  private init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    text = String(decoding: bytes, as: UTF8.self)
  }

  // The portable variants: any OpenCL 1.2 device.
  package static let attention = KernelFile("attention.cl", PackageResources.attention_cl)
  /// With -D CPU also for CPUs.
  package static let ceiling = KernelFile("ceiling.cl", PackageResources.ceiling_cl)
  package static let distance = KernelFile("distance.cl", PackageResources.distance_cl)
  /// With and without the processor's own instruction.
  package static let distanceInt8 = KernelFile("distance_int8.cl", PackageResources.distance_int8_cl)
  /// Goes in front of those kernels of the search that read resident vectors in sixteens.
  package static let element = KernelFile("element.cl", PackageResources.element_cl)
  /// Shared by the variants of Distance.
  package static let distanceRows = KernelFile("distance_rows.cl", PackageResources.distance_rows_cl)
  package static let gemm = KernelFile("gemm.cl", PackageResources.gemm_cl)
  package static let layerNorm = KernelFile("layernorm.cl", PackageResources.layernorm_cl)
  package static let pack = KernelFile("pack.cl", PackageResources.pack_cl)
  package static let packWords = KernelFile("pack_words.cl", PackageResources.pack_words_cl)
  package static let patchMerging = KernelFile("patchmerging.cl", PackageResources.patchmerging_cl)
  package static let pool = KernelFile("pool.cl", PackageResources.pool_cl)
  package static let preprocess = KernelFile("preprocess.cl", PackageResources.preprocess_cl)
  /// Shared by the variants of low precision.
  package static let round = KernelFile("round.cl", PackageResources.round_cl)
  package static let topK = KernelFile("top_k.cl", PackageResources.top_k_cl)

  // The CPU's variants: one work-item a work-group.
  package static let attentionCPU = KernelFile("attention.cpu.cl", PackageResources.attention_cpu_cl)
  package static let distanceCPU = KernelFile("distance.cpu.cl", PackageResources.distance_cpu_cl)
  package static let gemmCPU = KernelFile("gemm.cpu.cl", PackageResources.gemm_cpu_cl)
  package static let gemmPackedCPU = KernelFile("gemm.packed.cpu.cl", PackageResources.gemm_packed_cpu_cl)
  package static let layerNormCPU = KernelFile("layernorm.cpu.cl", PackageResources.layernorm_cpu_cl)
  package static let patchMergingCPU = KernelFile("patchmerging.cpu.cl", PackageResources.patchmerging_cpu_cl)
  package static let preprocessCPU = KernelFile("preprocess.cpu.cl", PackageResources.preprocess_cpu_cl)
  package static let swinBlockCPU = KernelFile("swin_block.cpu.cl", PackageResources.swin_block_cpu_cl)
  package static let swinBlockPackedCPU = KernelFile(
    "swin_block.packed.cpu.cl", PackageResources.swin_block_packed_cpu_cl)
  /// Goes in front of the CPU's blocks, behind `vector16` and `window`.
  package static let swinBlock = KernelFile("swin_block.cl", PackageResources.swin_block_cl)
  /// Goes in front of the linear layers over operands of low precision, behind `vector16` and `tileShape`.
  package static let packedTile = KernelFile("packed_tile.cl", PackageResources.packed_tile_cl)
  /// Goes in front of the CPU's linear layers, behind `vector16` and `tileShape`.
  package static let tile = KernelFile("tile.cl", PackageResources.tile_cl)
  /// Goes in front of `tile` and `packedTile`.
  package static let tileShape = KernelFile("tile_shape.cl", PackageResources.tile_shape_cl)
  /// Goes in front of the CPU's window attention, behind `vector16`.
  package static let window = KernelFile("window.cl", PackageResources.window_cl)
  /// Goes in front of the CPU's variants.
  package static let vector16 = KernelFile("vector16.cl", PackageResources.vector16_cl)
}
