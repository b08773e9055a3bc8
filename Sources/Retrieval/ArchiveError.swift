/// What the archive refused or failed to do, where, and what helps.
package enum ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
  case collectionNotFound(String)
  case collectionExists(String)
  case itemNotFound(id: String, collection: String)
  case itemExists(id: String, collection: String)
  /// The collection belongs to another model than the one that is loaded.
  case modelMismatch(collection: String, collectionModel: String, loadedModel: String)
  case dimensionMismatch(collection: String, expected: Int, found: Int)
  /// A value that cannot be stored or searched for; nothing was changed.
  case invalid(String)
  /// `what` is over `limit`.
  case tooLarge(what: String, limit: Int)
  /// What was found has more bytes of content than the caller can take.
  case answerTooLarge(limit: Int)

  /// Another process holds the state directory.
  case inUse(path: String, process: Int32?)
  /// The file is not an archive of this program.
  case foreign(path: String)
  /// The file was written by a newer version of this program.
  case newer(path: String)
  case diskFull(path: String)
  case readOnly(path: String, reason: String)
  case damaged(path: String, reason: String)
  case storage(path: String, reason: String)
  /// The device failed; the store is as it was before the request.
  case device(String)

  /// True for failures of the disk or the file, after which nothing of the request is stored.
  package var isStorageFailure: Bool {
    switch self {
    case .inUse, .foreign, .newer, .diskFull, .readOnly, .damaged, .storage: true
    default: false
    }
  }

  package var description: String {
    switch self {
    case .collectionNotFound(let name):
      "there is no collection \"\(name)\"; `collections` lists them, `create` makes one"
    case .collectionExists(let name): "a collection \"\(name)\" exists already"
    case .itemNotFound(let id, let collection):
      "there is no item \"\(id)\" in collection \"\(collection)\"; `list` shows the ids"
    case .itemExists(let id, let collection):
      "an item \"\(id)\" exists already in collection \"\(collection)\"; on_conflict \"replace\" replaces it"
    case .modelMismatch(let collection, let collectionModel, let loadedModel):
      "collection \"\(collection)\" belongs to model \(collectionModel.prefix(12)), but \(loadedModel.prefix(12)) is "
        + "loaded; serve that model, or add to a new collection"
    case .dimensionMismatch(let collection, let expected, let found):
      "collection \"\(collection)\" holds embeddings of \(expected) numbers, not \(found)"
    case .invalid(let reason): reason
    case .tooLarge(let what, let limit): "\(what) is over the limit of \(limit)"
    case .answerTooLarge(let limit): "the answer passes \(limit) bytes; ask for fewer, or include less"
    case .inUse(let path, let process):
      "\(path) is in use by another esvitd" + (process.map { " (process \($0))" } ?? "")
        + "; stop it, or choose another --state"
    case .foreign(let path): "\(path) is not an archive of esvitd; it was left untouched; choose another --state"
    case .newer(let path):
      "\(path) was written by a newer version of esvitd; it was left untouched; update esvitd or choose another --state"
    case .diskFull(let path): "the disk that holds \(path) is full; nothing of the request was stored; free some space"
    case .readOnly(let path, let reason): "\(path) cannot be written (\(reason)); check owner, mode and mount"
    case .damaged(let path, let reason): "\(path) is damaged (\(reason)); restore it from a backup"
    case .storage(let path, let reason): "\(path): \(reason); nothing of the request was stored"
    case .device(let reason): reason
    }
  }
}
