import Kernels
import OpenCL

/// Images of any size into patches of 0…255: the shorter side resized to `resize`, the centre `crop` cut out, as
/// Pillow's `Image.resize(…, BICUBIC)` and torchvision's `CenterCrop` do, bit for bit.
///
/// Mean and standard deviation are folded into `PatchEmbedding`.
@DeviceActor
package final class Preprocess {
  package nonisolated let resize: Int
  package nonisolated let crop: Int
  package nonisolated let patch: Int
  package nonisolated let variant: Variant
  /// Elements of an image's patches: `(crop/patch)² · patch²·3`.
  package nonisolated var patchCount: Int { 3 * crop * crop }

  private let context: Context
  private let portable: (rows: FlatKernel, columns: FlatKernel)
  private let cpu: (rows: Kernel, columns: Kernel)?
  /// Pixels of the images in hand; `used` bytes from the start belong to work that is enqueued.
  private var pixels: Buffer<UInt8>
  private var used = 0
  /// `[source rows, crop, 3]`, after the horizontal pass.
  private var narrowed: Buffer<UInt8>
  private var tables: [ResizeAxis: DeviceTable] = [:]

  /// What stays allocated between batches; a larger image gets a buffer of its own, until the next image.
  static let pixelCapacity = 48 << 20
  static let rowCapacity = 4096
  /// Rows that the CPU variant resizes at once, and source pixels of a row that it may read for one: ROWS and CAPACITY
  /// of `preprocess.cpu.cl`.
  private static let block = 16
  private static let maximumTaps = 512
  /// Image sizes whose tables stay on the device.
  static let tableCapacity = 64

  private struct DeviceTable {
    let taps: Int
    let sourceRange: Range<Int>
    let weights: Buffer<Int32>
    let spans: Buffer<Int32>
  }

  /// - Parameters:
  ///   - variant: a CPU's takes crops of a multiple of 16 pixels; others run the portable kernels.
  ///   - workGroupLimit: a lower limit than the device's own, for tests.
  /// - Throws: `OpenCLError` where the sizes do not fit together or the device refuses.
  package init(
    context: Context, resize: Int, crop: Int, patch: Int, variant: Variant, workGroupLimit: Int? = nil
  ) throws(OpenCLError) {
    guard patch > 0, crop > 0, crop.isMultiple(of: patch), resize >= crop else {
      throw OpenCLError(
        operation: "Preprocess",
        detail: "a crop of \(crop) from \(resize) pixels does not divide into patches of \(patch)")
    }
    self.context = context
    self.resize = resize
    self.crop = crop
    self.patch = patch
    self.variant = crop.isMultiple(of: 16) ? variant : .portable
    let source = KernelFile.preprocess.source()
    portable = (
      rows: try FlatKernel("resize_rows", of: source, limit: workGroupLimit, in: context),
      columns: try FlatKernel("resize_columns", of: source, limit: workGroupLimit, in: context)
    )
    if self.variant == .cpu {
      let source = KernelFile.preprocessCPU.source()
      cpu = (
        rows: try context.kernel("resize_rows", source), columns: try context.kernel("resize_columns", source)
      )
    } else {
      cpu = nil
    }
    pixels = try context.makeBuffer(count: min(Self.pixelCapacity, context.device.maximumAllocation))
    narrowed = try context.makeBuffer(count: Self.rowCapacity * crop * 3)
  }

  /// Enqueues `images` into `patches`, `[images, (crop/patch)², patch²·3]`. The pixels are copied before this returns.
  ///
  /// - Throws: `OpenCLError` where an image has no pixels, not as many as its size says, or more than the device holds.
  package func enqueue(_ images: [RGB8Image], patches: Buffer<Float>) throws(OpenCLError) {
    for (place, image) in images.enumerated() { try enqueue(image, place: place, patches: patches) }
  }

  private func enqueue(_ image: RGB8Image, place: Int, patches: Buffer<Float>) throws(OpenCLError) {
    guard image.isValid else {
      throw OpenCLError(
        operation: "Preprocess",
        detail: "\(image.pixels.count) bytes are no image of \(image.width) × \(image.height) pixels")
    }
    let geometry = ResizeGeometry(width: image.width, height: image.height, resize: resize, crop: crop)
    let horizontal = try table(geometry.width)
    let vertical = try table(geometry.height)
    let sourceRows = vertical.sourceRange
    let (source, offset) = try upload(image, rows: sourceRows)
    let blocks = (sourceRows.count + Self.block - 1) / Self.block
    let narrowCount = blocks * Self.block * crop * 3
    let narrow = narrowCount <= narrowed.count ? narrowed : try context.makeBuffer(count: narrowCount)

    if let cpu, horizontal.taps <= Self.maximumTaps {
      try cpu.rows.setArguments(
        source, horizontal.weights, horizontal.spans, narrow, UInt64(offset), Int32(image.width),
        Int32(sourceRows.count), Int32(horizontal.taps), Int32(crop))
      try context.queue.enqueue(cpu.rows, global: [blocks], local: [1])
    } else {
      try portable.rows.kernel.setArguments(
        source, horizontal.weights, horizontal.spans, narrow, UInt64(offset), Int32(image.width),
        Int32(horizontal.taps), Int32(crop))
      try portable.rows.enqueue(items: crop * sourceRows.count, countArgument: 8)
    }
    let columns = cpu?.columns ?? portable.columns.kernel
    try columns.setArguments(
      narrow, vertical.weights, vertical.spans, patches, UInt64(place * patchCount), Int32(sourceRows.lowerBound),
      Int32(vertical.taps), Int32(crop), Int32(patch))
    if cpu != nil {
      try context.queue.enqueue(columns, global: [crop], local: [1])
    } else {
      try portable.columns.enqueue(items: crop * crop, countArgument: 9)
    }
    if source !== pixels || narrow !== narrowed {
      // Only this call holds the large buffers.
      try context.queue.finish()
    }
  }

  /// Copies the image rows that the crop needs to the device; returns the buffer and where they start in it.
  private func upload(_ image: RGB8Image, rows: Range<Int>) throws(OpenCLError) -> (Buffer<UInt8>, Int) {
    let stride = image.width * 3
    let count = rows.count * stride
    let part = image.pixels.span.extracting(rows.lowerBound * stride..<rows.upperBound * stride)
    if count > pixels.count {
      let large = try context.makeBuffer(UInt8.self, count: count)
      try context.queue.write(part, to: large)
      return (large, 0)
    }
    if count > pixels.count - used {
      try context.queue.finish()
      used = 0
    }
    let offset = used
    try context.queue.write(part, to: pixels, at: offset)
    used += count
    return (pixels, offset)
  }

  /// To be called when what was enqueued has run: the pixels' memory is free again.
  package func reset() { used = 0 }

  private func table(_ axis: ResizeAxis) throws(OpenCLError) -> DeviceTable {
    if let table = tables[axis] { return table }
    if tables.count >= Self.tableCapacity { tables.removeAll(keepingCapacity: true) }
    let host = axis.table()
    let table = DeviceTable(
      taps: host.taps, sourceRange: host.sourceRange, weights: try context.makeBuffer(host.weights),
      spans: try context.makeBuffer(host.spans))
    tables[axis] = table
    return table
  }
}
