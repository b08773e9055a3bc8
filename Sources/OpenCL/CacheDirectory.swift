import Foundation

/// The folder in which compiled programs are kept, by us and by the drivers, and what it must be fit for.
///
/// Drivers compile into their cache and run what they wrote. PoCL aborts or exits the process where that fails
/// half-way, so the folder is created and tried before the first OpenCL call.
package struct CacheDirectory: Sendable, Hashable {
  package let url: URL
  /// What named it: an environment variable, or `HOME`. For messages.
  package let origin: String

  /// Bytes that must be free: all kernels of a model at all work-group sizes take less than half of it.
  static let requiredRoom = 64 << 20
  /// `ST_NOEXEC` of `<sys/statvfs.h>`, which glibc shows only to GNU sources.
  private static let noExecution: UInt = 8

  package init(url: URL, origin: String) {
    self.url = url
    self.origin = origin
  }

  /// `$CACHE_DIRECTORY` (systemd's), else `$XDG_CACHE_HOME/esvitd`, else `~/.cache/esvitd`.
  ///
  /// - Throws: `CacheDirectoryError.nowhere` where the environment names no absolute path below a folder that exists.
  package init(environment: [String: String]) throws(CacheDirectoryError) {
    // systemd separates several directories by colons; the first is the service's own.
    if let path = environment["CACHE_DIRECTORY"]?.split(separator: ":").first, path.hasPrefix("/") {
      self.init(url: URL(filePath: String(path), directoryHint: .isDirectory), origin: "CACHE_DIRECTORY")
    } else if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
      self.init(
        url: URL(filePath: path).appending(path: "esvitd", directoryHint: .isDirectory), origin: "XDG_CACHE_HOME")
    } else {
      let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
      var isDirectory: ObjCBool = false
      guard home.hasPrefix("/"), FileManager.default.fileExists(atPath: home, isDirectory: &isDirectory),
        isDirectory.boolValue
      else { throw .nowhere(home: home) }
      self.init(
        url: URL(filePath: home).appending(path: ".cache/esvitd", directoryHint: .isDirectory), origin: "HOME")
    }
  }

  /// Our compiled programs.
  package var programs: URL { url.appending(path: "programs", directoryHint: .isDirectory) }
  /// What has been tried in a child process (`Rehearsal`).
  package var stamps: URL { url.appending(path: "stamps", directoryHint: .isDirectory) }
  /// PoCL's own cache, one for each kind of processor: its entries hold machine code.
  package var pocl: URL {
    url.appending(path: "pocl-\(Processor.current.identity.prefix(12))", directoryHint: .isDirectory)
  }
  /// The cache of NVIDIA's driver.
  package var nvidia: URL { url.appending(path: "nvidia", directoryHint: .isDirectory) }

  /// Creates the folder, and what is in it, tries what drivers will do there, and keeps it for this process's life.
  ///
  /// - Parameter runsCode: whether a driver maps what it compiled from there, as PoCL does.
  package func prepare(runsCode: Bool = true) throws(CacheDirectoryError) {
    try create(url)
    for folder in [programs, stamps, pocl] { try create(folder) }
    CacheHousekeeping(cache: self).enter()
    try tryOut(runsCode: runsCode)
  }

  /// Whether files can be created and mapped as machine code there, and whether there is room.
  func tryOut(runsCode: Bool = true) throws(CacheDirectoryError) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .notCreatable(path, origin: origin, reason: systemError()) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path, origin: origin) }
    guard status.st_mode & S_IWOTH == 0 else { throw .writableByAll(path, origin: origin) }
    var fileSystem = statvfs()
    guard statvfs(path, &fileSystem) == 0 else { throw .notCreatable(path, origin: origin, reason: systemError()) }
    guard fileSystem.f_flag & UInt(ST_RDONLY) == 0 else {
      throw .notWritable(path, origin: origin, reason: "the file system is mounted read-only")
    }
    guard !runsCode || fileSystem.f_flag & Self.noExecution == 0 else { throw .notExecutable(path, origin: origin) }
    let free = Int(clamping: fileSystem.f_bavail).multipliedReportingOverflow(by: Int(clamping: fileSystem.f_frsize))
    // Some network file systems report no sizes at all.
    guard fileSystem.f_blocks == 0 || free.overflow || free.partialValue >= Self.requiredRoom else {
      throw .noRoom(path, origin: origin, free: free.partialValue, required: Self.requiredRoom)
    }
    try tryFile(runsCode: runsCode)
  }

  /// Writes a file of one page and maps it as a driver maps the code that it compiled.
  private func tryFile(runsCode: Bool) throws(CacheDirectoryError) {
    var template = Array((path + "/.trial-XXXXXX").utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else { throw .notWritable(path, origin: origin, reason: systemError()) }
    defer {
      close(descriptor)
      unlink(template)
    }
    let page = [UInt8](repeating: 0, count: 4096)
    guard write(descriptor, page, page.count) == page.count else {
      if errno == ENOSPC || errno == EDQUOT {
        throw .noRoom(path, origin: origin, free: 0, required: Self.requiredRoom)
      }
      throw .notWritable(path, origin: origin, reason: systemError())
    }
    guard runsCode else { return }
    let mapping = mmap(nil, page.count, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0)
    guard let mapping, mapping != MAP_FAILED else { throw .notExecutable(path, origin: origin) }
    munmap(mapping, page.count)
  }

  /// Makes `folder` and those above it, for this user alone.
  private func create(_ folder: URL) throws(CacheDirectoryError) {
    var made = "/"
    for component in folder.pathComponents.dropFirst() where component != "/" {
      made += (made == "/" ? "" : "/") + component
      if mkdir(made, 0o700) == 0 || errno == EEXIST { continue }
      let reason = systemError()
      var status = stat()
      // On a read-only file system, `mkdir` fails for folders that exist, too.
      if stat(made, &status) != 0 { throw .notCreatable(made, origin: origin, reason: reason) }
    }
  }

  /// Without a slash at the end, for messages and system calls.
  private var path: String {
    let path = url.path(percentEncoded: false)
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }
}

/// The text of `errno`.
func systemError() -> String { String(cString: strerror(errno)) }
