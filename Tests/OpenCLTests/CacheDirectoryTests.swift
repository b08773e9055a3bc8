import Foundation
import Testing

@testable import OpenCL

@Suite("The cache directory is found and tried before a driver writes to it")
struct CacheDirectoryTests {
  @Test("CACHE_DIRECTORY comes before XDG_CACHE_HOME before the home directory")
  func order() throws {
    var environment = ["HOME": "/tmp", "XDG_CACHE_HOME": "/tmp/xdg", "CACHE_DIRECTORY": "/tmp/service:/tmp/other"]
    #expect(try CacheDirectory(environment: environment).url.path() == "/tmp/service/")
    environment["CACHE_DIRECTORY"] = nil
    #expect(try CacheDirectory(environment: environment).url.path() == "/tmp/xdg/esvitd/")
    environment["XDG_CACHE_HOME"] = "relative paths are ignored, as the XDG standard says"
    #expect(try CacheDirectory(environment: environment).url.path() == "/tmp/.cache/esvitd/")
  }

  @Test("a home directory that does not exist is named, with what to do")
  func homeNowhere() throws {
    let error = #expect(throws: CacheDirectoryError.self) {
      try CacheDirectory(environment: ["HOME": "/nonexistent"])
    }
    #expect(error == .nowhere(home: "/nonexistent"))
    #expect(error?.description.contains("CACHE_DIRECTORY") == true)
  }

  @Test("a file in its place is refused")
  func file() throws {
    let folder = try TemporaryDirectory()
    let file = folder.url.appending(path: "cache")
    try Data().write(to: file)
    #expect(throws: CacheDirectoryError.notADirectory(file.path(), origin: "test")) {
      try CacheDirectory(url: file, origin: "test").tryOut()
    }
  }

  @Test("a directory that everybody may write to is refused, since code from it is run")
  func writableByAll() throws {
    let folder = try TemporaryDirectory()
    #expect(chmod(folder.path, 0o777) == 0)
    #expect(throws: CacheDirectoryError.writableByAll(String(folder.path.dropLast()), origin: "test")) {
      try CacheDirectory(url: folder.url, origin: "test").prepare()
    }
  }

  @Test("a fit directory is made private, and the trial leaves nothing behind")
  func fit() throws {
    let folder = try TemporaryDirectory()
    let cache = CacheDirectory(url: folder.url.appending(path: "deep/cache"), origin: "test")
    try cache.prepare()
    var status = stat()
    #expect(stat(cache.url.path(), &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    let names = try FileManager.default.contentsOfDirectory(atPath: cache.url.path()).sorted()
    #expect(names == ["lock", cache.pocl.lastPathComponent, "programs", "stamps"].sorted())
  }

  @Test("old entries and those over the limit go, oldest first; those in use stay")
  func housekeeping() throws {
    let folder = try TemporaryDirectory()
    let cache = CacheDirectory(url: folder.url.appending(path: "cache"), origin: "test")
    try cache.prepare()
    func entry(_ name: String, days: Double, bytes: Int) throws -> URL {
      let url = cache.programs.appending(path: name)
      try Data(count: bytes).write(to: url)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -days * 86400)], ofItemAtPath: url.path())
      return url
    }
    let stale = try entry("stale", days: 100, bytes: 1)
    let older = try entry("older", days: 3, bytes: 600)
    let newer = try entry("newer", days: 2, bytes: 600)
    let foreign = cache.url.appending(path: "pocl-ffffffffffff")
    try FileManager.default.createDirectory(at: foreign, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: foreign.path())
    try Data(count: 2000).write(to: cache.pocl.appending(path: "program.bc"))

    CacheHousekeeping(cache: cache, programLimit: 1000, poclLimit: 5000).tidy()
    #expect([stale, older, newer, foreign].map(exists) == [false, false, true, false])
    #expect(exists(cache.pocl.appending(path: "program.bc")))
    CacheHousekeeping(cache: cache, programLimit: 1000, poclLimit: 1000).tidy()
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache.pocl.path()).isEmpty)
  }

  @Test("nothing is removed while another process holds the directory")
  func shared() throws {
    let folder = try TemporaryDirectory()
    let cache = CacheDirectory(url: folder.url.appending(path: "cache"), origin: "test")
    try cache.prepare()  // holds the lock from here on
    let entry = cache.programs.appending(path: "stale")
    try Data().write(to: entry)
    try FileManager.default.setAttributes([.modificationDate: Date.distantPast], ofItemAtPath: entry.path())
    try cache.prepare()
    #expect(exists(entry))
  }

  private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path()) }
}

@Suite("A processor is told from another by name and instruction sets")
struct ProcessorTests {
  @Test("the first processor's name and flags are read")
  func reading() {
    let processor = Processor(
      cpuinfo: "processor\t: 0\nmodel name\t: EPYC: 9\nflags\t\t: avx2 sse2\n\nprocessor: 1\nflags: other\n")
    #expect(processor.name == "EPYC: 9")
    #expect(processor.flags == ["avx2", "sse2"])
  }

  @Test("the order of flags and the clock do not matter, another flag does")
  func identity() {
    func identity(_ flags: String, clock: String) -> String {
      Processor(cpuinfo: "model name: A\ncpu MHz: \(clock)\nflags: \(flags)\n").identity
    }
    #expect(identity("a b", clock: "1") == identity("b a", clock: "2"))
    #expect(identity("a b", clock: "1") != identity("a b c", clock: "1"))
  }
}
