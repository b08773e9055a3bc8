import Foundation

/// Keeps a cache directory bounded, without taking anything from under a process that uses it.
///
/// Every process holds a shared lock on the directory for its life. Who finds itself alone at its start tidies up first:
/// PoCL fails where files that it has opened once are gone.
struct CacheHousekeeping {
  let cache: CacheDirectory
  /// Entries not used for so long are removed.
  var maximumAge: Duration = .seconds(90 * 86400)
  /// Bytes of our compiled programs; the oldest are removed first.
  var programLimit = 512 << 20
  /// Bytes of PoCL's cache for this processor, which is emptied where it is larger.
  var poclLimit = 1 << 30

  /// Tidies up where this process is the only one, and marks the directory as used until this process ends.
  ///
  /// Where the file system knows no locks, nothing is removed.
  func enter() {
    let path = cache.url.appending(path: "lock", directoryHint: .notDirectory).path(percentEncoded: false)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { tidy() }
    flock(descriptor, LOCK_SH)
    // The descriptor stays open on purpose: the lock ends with the process.
  }

  func tidy() {
    let oldest = Date(timeIntervalSinceNow: -TimeInterval(maximumAge.components.seconds))
    var programs: [(url: URL, used: Date, bytes: Int)] = []
    for folder in [cache.programs, cache.stamps] {
      for file in files(in: folder) {
        if file.used < oldest { remove(file.url) } else { programs.append(file) }
      }
    }
    var total = programs.reduce(0) { $0 + $1.bytes }
    for file in programs.sorted(by: { $0.used < $1.used }) where total > programLimit {
      remove(file.url)
      total -= file.bytes
    }
    tidyPoCL(oldest: oldest)
  }

  private func tidyPoCL(oldest: Date) {
    let current = cache.pocl.lastPathComponent
    for folder in files(in: cache.url) where folder.url.lastPathComponent.hasPrefix("pocl-") {
      if folder.url.lastPathComponent != current, folder.used < oldest { remove(folder.url) }
    }
    // Each process leaves an empty file there (PoCL 3.1).
    for file in files(in: cache.pocl) where file.url.lastPathComponent.hasPrefix("tempfile") { remove(file.url) }
    if size(of: cache.pocl) > poclLimit { remove(cache.pocl) }
    try? FileManager.default.createDirectory(
      at: cache.pocl, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try? FileManager.default.setAttributes(
      [.modificationDate: Date()], ofItemAtPath: cache.pocl.path(percentEncoded: false))
  }

  private static let keys: Set<URLResourceKey> = [.contentModificationDateKey, .fileSizeKey]

  private func files(in folder: URL) -> [(url: URL, used: Date, bytes: Int)] {
    let urls = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: Array(Self.keys))
    return (urls ?? []).map { url in
      let values = try? url.resourceValues(forKeys: Self.keys)
      return (url, values?.contentModificationDate ?? .distantPast, values?.fileSize ?? 0)
    }
  }

  /// Bytes of all files below `folder`.
  private func size(of folder: URL) -> Int {
    let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: [.fileSizeKey])
    var total = 0
    while let url = all?.nextObject() as? URL {
      total += (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    }
    return total
  }

  private func remove(_ url: URL) { try? FileManager.default.removeItem(at: url) }
}
