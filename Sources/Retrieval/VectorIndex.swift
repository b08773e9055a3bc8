import OpenCL
import Operators

/// The device's copy of one collection: vectors there, rows and fields here.
///
/// An addition has two halves. `stage` may fail and changes nothing that a search sees; `publish` cannot fail. Between
/// them lies the store's commit, so that the copy never shows what the store does not hold, nor lacks what it holds.
@DeviceActor
final class VectorIndex {
  let dimension: Int
  let operators: SearchOperators
  let chunks: VectorChunks
  private(set) var table = SlotTable()

  init(dimension: Int, operators: SearchOperators) {
    self.dimension = dimension
    self.operators = operators
    chunks = VectorChunks(dimension: dimension, context: operators.context, operators: operators)
  }

  /// Makes room on the device for `count` vectors at once.
  func reserve(_ count: Int) throws(OpenCLError) { try chunks.reserve(count) }

  /// Puts `embeddings` `[count, dimension]` into slots that no search sees yet.
  ///
  /// - Throws: `OpenCLError`, also for an embedding that is zero or not finite.
  func stage(_ embeddings: [Float]) throws(OpenCLError) -> [Int] {
    var scaled = embeddings
    if let bad = ResidentScale.apply(to: &scaled, dimension: dimension) {
      throw OpenCLError(operation: "Embedding \(bad) is zero or not finite")
    }
    return try stage(scaled: scaled)
  }

  private func stage(scaled: [Float]) throws(OpenCLError) -> [Int] {
    let slots = table.reserve(scaled.count / dimension)
    do {
      try chunks.reserve(table.slotCount)
      try chunks.pack(scaled, into: slots)
    } catch {
      table.release(slots)
      throw error
    }
    return slots
  }

  /// Gives staged slots back.
  func discard(_ slots: [Int]) { table.release(slots) }

  /// Lets a staged slot be found as `row`, in place of what `row` was before.
  func publish(_ slot: Int, row: Int64, fields: [String?]) { table.publish(slot, row: row, fields: fields) }

  /// Lets `rows` be found no more.
  func remove(_ rows: [Int64]) { for row in rows { table.remove(row) } }

  /// Adds rows that the store at `path` holds already.
  ///
  /// - Throws: `.damaged` where one has an embedding that is zero or not finite, which `add` never stores; `.device`.
  func append(_ block: LoadedBlock, from path: String) throws(ArchiveError) {
    var scaled = block.embeddings
    if let bad = ResidentScale.apply(to: &scaled, dimension: dimension) {
      throw .damaged(path: path, reason: "the embedding of row \(block.rows[bad]) is zero or not finite")
    }
    let slots: [Int]
    do throws(OpenCLError) {
      slots = try stage(scaled: scaled)
    } catch {
      throw .device("\(error)")
    }
    for (index, slot) in slots.enumerated() {
      publish(slot, row: block.rows[index], fields: block.fields.map { $0[index] })
    }
  }
}
