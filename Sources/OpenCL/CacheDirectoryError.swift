/// Why a cache directory cannot be used, and what to do about it.
package enum CacheDirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
  case nowhere(home: String)
  case notCreatable(String, origin: String, reason: String)
  case notADirectory(String, origin: String)
  case writableByAll(String, origin: String)
  case notWritable(String, origin: String, reason: String)
  case notExecutable(String, origin: String)
  /// `free` and `required` in bytes.
  case noRoom(String, origin: String, free: Int, required: Int)

  /// What is wrong, and with what.
  package var problem: String {
    switch self {
    case .nowhere(let home): "No place for compiled kernels: the home directory \(home) does not exist"
    case .notCreatable(let path, let origin, let reason):
      "The cache directory \(path) (from \(origin)) cannot be created: \(reason)"
    case .notADirectory(let path, let origin): "The cache directory \(path) (from \(origin)) is not a directory"
    case .writableByAll(let path, let origin):
      "The cache directory \(path) (from \(origin)) can be written by every user, and compiled code is run from it"
    case .notWritable(let path, let origin, let reason):
      "The cache directory \(path) (from \(origin)) is not writable: \(reason)"
    case .notExecutable(let path, let origin):
      "The cache directory \(path) (from \(origin)) is on a file system mounted noexec, "
        + "and compiled kernels are run from it"
    case .noRoom(let path, let origin, let free, let required):
      "The cache directory \(path) (from \(origin)) has room for \(free >> 20) MiB, and compiled kernels need "
        + "\(required >> 20) MiB"
    }
  }

  /// What to do about it.
  package var remedy: String {
    switch self {
    case .nowhere: "set CACHE_DIRECTORY or XDG_CACHE_HOME to a directory that this user may write"
    case .notCreatable, .notADirectory, .notWritable:
      "make it writable for this user, or set CACHE_DIRECTORY to another directory"
    case .writableByAll(let path, _): "run `chmod go-w \(path)`, or set CACHE_DIRECTORY to another directory"
    case .notExecutable: "set CACHE_DIRECTORY to a directory on a file system that allows execution"
    case .noRoom: "free some, or set CACHE_DIRECTORY to a directory on another file system"
    }
  }

  package var description: String { "\(problem). To go on, \(remedy)." }
}
