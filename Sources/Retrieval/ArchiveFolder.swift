import Foundation
import Operators

/// An archive's directory, opened and locked, before there is a device for its vectors: what it holds says what the device
/// is to be prepared for.
package struct ArchiveFolder: Sendable {
  let store: Store

  /// Opens the archive in the directory `state`, which is made where it is missing.
  ///
  /// - Throws: `.inUse` where another archive has it open, `.foreign` or `.newer` where the file there is not ours to
  ///   touch, `.damaged`, `.readOnly`, `.diskFull` or `.storage`.
  package static func open(_ state: URL) async throws(ArchiveError) -> ArchiveFolder {
    ArchiveFolder(store: try await Store.open(state: state))
  }

  /// The precisions of the collections that belong to the model with `fingerprint`.
  package func precisions(ofModel fingerprint: String) async throws(ArchiveError) -> Set<Precision> {
    Set(try await store.collections().filter { $0.modelFingerprint == fingerprint }.map(\.precision))
  }
}
