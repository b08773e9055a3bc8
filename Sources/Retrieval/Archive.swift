import Foundation
import OpenCL
import Operators

/// The archive: collections of items, durable in SQLite and resident on the device.
///
/// The store is the truth and the device's copy follows it: a change is answered after its commit and shows at once in
/// the next search. Changes of one collection run one after the other, searches beside each other but never beside a
/// change. Whatever fails in between, no search answers with an item that the store does not hold.
@DeviceActor
package final class Archive {
  /// What this archive's embeddings come from.
  package nonisolated let model: ModelIdentity
  let store: Store
  private let operators: SearchOperators
  private var byName: [ExactString: Collection] = [:]

  /// Opens the archive in the directory `state`, which is made where it is missing, and loads the vectors of `model`.
  ///
  /// - Parameter variants: the kernels that the self-check found right; the device's own where nil.
  /// - Throws: what `ArchiveFolder.open` throws, `.damaged`, and `.device` where the vectors do not fit.
  package convenience init(
    state: URL, context: Context, vectors: VectorFormat = .f16, model: ModelIdentity, variants: Variants? = nil
  ) async throws(ArchiveError) {
    try await self.init(
      ArchiveFolder.open(state), context: context, vectors: vectors, model: model, variants: variants)
  }

  /// Loads the vectors of `model` from an archive that was opened.
  package init(
    _ folder: ArchiveFolder, context: Context, vectors: VectorFormat = .f16, model: ModelIdentity,
    variants: Variants? = nil
  ) async throws(ArchiveError) {
    self.model = model
    store = folder.store
    do throws(OpenCLError) {
      operators = try SearchOperators(context: context, format: vectors, variants: variants)
    } catch {
      throw .device("\(error)")
    }
    for record in try await store.collections() {
      let collection = Collection(record, index: nil)
      if record.modelFingerprint == model.fingerprint {
        try await collection.load(from: store, operators: operators)
      }
      byName[ExactString(record.name)] = collection
    }
  }

  /// Closes the file; what is called later throws. Not needed for safety: every answered change is on the disk.
  package func close() async { await store.close() }

  /// All collections, by name.
  package func collections() async throws(ArchiveError) -> [CollectionInfo] {
    try await store.collections().map(info)
  }

  /// Makes an empty collection for embeddings of the loaded model.
  ///
  /// - Parameters:
  ///   - name: 1…128 bytes without control characters.
  ///   - dimension: 1…65536 numbers an embedding; the model's own where nil.
  ///   - precision: at which its images will be encoded.
  /// - Throws: `.collectionExists`, `.invalid`, or a storage failure.
  package func create(
    _ name: String, dimension: Int? = nil, precision: Precision = .f32
  ) async throws(ArchiveError) -> CollectionInfo {
    let dimension = dimension ?? model.dimension
    try Limits.check(collection: name, dimension: dimension)
    let record = try await store.create(name, dimension: dimension, model: model, precision: precision)
    byName[ExactString(name)] = Collection(
      record, index: VectorIndex(dimension: dimension, operators: operators))
    return info(record)
  }

  /// Removes a collection with everything in it.
  package func drop(_ name: String) async throws(ArchiveError) {
    let collection = try find(name)
    await collection.gate.enter(.exclusive)
    defer { collection.gate.leave() }
    try check(collection)
    do throws(ArchiveError) {
      try await store.drop(collection.record.key)
    } catch {
      collection.isSuspect = true
      throw error
    }
    forget(collection)
  }

  private func forget(_ collection: Collection) {
    collection.isDropped = true
    // A collection of the same name may have been made since the commit.
    let name = ExactString(collection.record.name)
    if byName[name] === collection { byName[name] = nil }
  }

  private func info(_ record: CollectionRecord) -> CollectionInfo {
    CollectionInfo(record, deviceBytes: byName[ExactString(record.name)]?.index?.chunks.bytes ?? 0)
  }

  /// The collection of that name.
  func find(_ name: String) throws(ArchiveError) -> Collection {
    guard let collection = byName[ExactString(name)] else { throw .collectionNotFound(name) }
    return collection
  }

  /// Once through the gate: whether the collection is still there.
  func check(_ collection: Collection) throws(ArchiveError) {
    if collection.isDropped { throw .collectionNotFound(collection.record.name) }
  }

  /// The device's copy of a collection of the loaded model.
  ///
  /// - Throws: `.modelMismatch`.
  func index(of collection: Collection) throws(ArchiveError) -> VectorIndex {
    guard let index = collection.index else {
      throw .modelMismatch(
        collection: collection.record.name, collectionModel: collection.record.modelFingerprint,
        loadedModel: model.fingerprint)
    }
    return index
  }

  /// With the gate held exclusively: brings the device's copy back in step after a change that failed half-way.
  func settle(_ collection: Collection) async throws(ArchiveError) {
    guard collection.isSuspect, collection.index != nil else { return }
    let record: CollectionRecord? = try await store.collections().first { $0.key == collection.record.key }
    guard let record else {
      forget(collection)
      throw .collectionNotFound(collection.record.name)
    }
    if record.revision == collection.revision {
      collection.isSuspect = false
    } else {
      try await collection.load(from: store, operators: operators)
    }
  }
}
