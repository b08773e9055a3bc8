import Foundation
import Testing

@testable import OpenCL

/// The conditions under which PoCL 3.1 finds no device, fails without a reason, aborts or exits the process
/// (measured; see `CacheDirectory`), put to the real program.
@Suite("esvitd in surroundings that drivers do not survive")
struct DriverConditionTests {
  /// `esvitd` lies beside the program that runs these tests.
  private static let esvitd: String? = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let path = URL(filePath: tests).deletingLastPathComponent().appending(path: "esvitd").path(percentEncoded: false)
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }()

  /// As root, or where users may make mount namespaces of their own.
  private static let unshare: [String] =
    geteuid() == 0 ? ["/usr/bin/unshare", "--mount"] : ["/usr/bin/unshare", "--map-root-user", "--mount"]

  private static let canMount: Bool = {
    let command = (unshare + ["mount -t tmpfs none /mnt"].reduce(into: ["/bin/sh", "-c"]) { $0.append($1) })
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  private static let hasCompiler = FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")

  /// Runs `esvitd devices`, by way of `wrapper`, without this process's own settings.
  private func devices(
    _ environment: [String: String?], wrapper: [String] = [], arguments: [String] = ["devices"]
  ) async throws -> (status: Int32, output: String) {
    let esvitd = try #require(Self.esvitd, "esvitd was not built beside the tests")
    let command = wrapper + [esvitd] + arguments
    let cleared: [String: String?] = [
      "CACHE_DIRECTORY": nil, "XDG_CACHE_HOME": nil, "POCL_CACHE_DIR": nil, "CUDA_CACHE_PATH": nil,
    ]
    let outcome = try await ChildProcess(
      executable: command[0], arguments: Array(command.dropFirst()),
      environment: cleared.merging(environment) { $1 }, timeLimit: .seconds(120)
    ).run()
    guard case .exited(let status) = outcome.ending else {
      Issue.record("esvitd did not end by itself: \(outcome)")
      return (-1, outcome.errors)
    }
    return (status, outcome.output + outcome.errors)
  }

  /// Runs it with a tmpfs mounted with `options` at a new directory, which is the cache directory.
  private func devices(onTemporaryFileSystem options: String) async throws -> (status: Int32, output: String) {
    let folder = try TemporaryDirectory()
    let script = "mount -t tmpfs -o mode=0755,\(options) none \(folder.path) && exec \"$@\""
    return try await devices(
      ["CACHE_DIRECTORY": folder.path], wrapper: Self.unshare + ["/bin/sh", "-c", script, "sh"])
  }

  @Test("HOME that points nowhere: the error names it and what to set; with a cache directory all is well")
  func homeNowhere() async throws {
    let refused = try await devices(["HOME": "/nonexistent"])
    #expect(refused.status == 1)
    #expect(refused.output.contains("/nonexistent"))
    #expect(refused.output.contains("set CACHE_DIRECTORY or XDG_CACHE_HOME"))
    #expect(!FileManager.default.fileExists(atPath: "/nonexistent"))

    let folder = try TemporaryDirectory()
    let accepted = try await devices(["HOME": "/nonexistent", "CACHE_DIRECTORY": folder.path])
    #expect(accepted.status == 0)
    #expect(accepted.output.contains("cpu"))
  }

  @Test("a cache directory that may not be written: the error says so", .enabled(if: geteuid() == 0))
  func unwritable() async throws {
    let folder = try TemporaryDirectory()
    #expect(chmod(folder.path, 0o755) == 0)
    let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    let (status, output) = try await devices(["CACHE_DIRECTORY": folder.path], wrapper: nobody)
    #expect(status == 1)
    #expect(output.contains("\(folder.path)programs (from CACHE_DIRECTORY)"))
    #expect(output.contains("Permission denied"))
    #expect(output.contains("set CACHE_DIRECTORY to another directory"))
  }

  @Test("a cache directory on a file system mounted read-only: the error says so", .enabled(if: canMount))
  func readOnly() async throws {
    let (status, output) = try await devices(onTemporaryFileSystem: "ro")
    #expect(status == 1)
    #expect(output.contains("Read-only file system") || output.contains("mounted read-only"))
  }

  @Test("a cache directory on a noexec file system: an error instead of an abort", .enabled(if: canMount))
  func noexec() async throws {
    let (status, output) = try await devices(onTemporaryFileSystem: "noexec")
    #expect(status == 1)
    #expect(output.contains("mounted noexec"))
    #expect(output.contains("file system that allows execution"))
  }

  @Test("a noexec file system holds the cache of drivers that run no code from it", .enabled(if: canMount))
  func noexecWithoutPoCL() async throws {
    let folder = try TemporaryDirectory()
    let script =
      "mkdir \(folder.path)/c && mount -t tmpfs -o mode=0755,noexec none \(folder.path)/c && "
      + "echo /nonexistent/libother.so > \(folder.path)/other.icd && exec \"$@\""
    let (status, output) = try await devices(
      ["CACHE_DIRECTORY": "\(folder.path)/c", "OCL_ICD_VENDORS": "\(folder.path)/other.icd"],
      wrapper: Self.unshare + ["/bin/sh", "-c", script, "sh"])
    #expect(status == 1)
    #expect(output.contains("No OpenCL device found"), "\(output)")
  }

  @Test("a cache directory without room: an error instead of an exit", .enabled(if: canMount))
  func full() async throws {
    let (status, output) = try await devices(onTemporaryFileSystem: "size=1m")
    #expect(status == 1)
    #expect(output.contains("room for"))
    #expect(output.contains("64 MiB"))
  }

  @Test("PoCL's cache where the user put it is tried as well", .enabled(if: canMount))
  func usersPoCLCache() async throws {
    let folder = try TemporaryDirectory()
    let script = "mkdir -p \(folder.path)/p && mount -t tmpfs -o mode=0755,noexec none \(folder.path)/p && exec \"$@\""
    let (status, output) = try await devices(
      ["CACHE_DIRECTORY": folder.path, "POCL_CACHE_DIR": "\(folder.path)/p"],
      wrapper: Self.unshare + ["/bin/sh", "-c", script, "sh"])
    #expect(status == 1)
    #expect(output.contains("(from POCL_CACHE_DIR)"))
  }

  @Test("the tables fit 80 columns, and the JSON says the same; every kernel is right at every layer's shape")
  func tables() async throws {
    for arguments in [["devices"], ["devices", "--check"]] {
      let (status, table) = try await devices([:], arguments: arguments)
      #expect(status == 0)
      #expect(table.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(table)")
      let (jsonStatus, json) = try await devices([:], arguments: arguments + ["--json"])
      #expect(jsonStatus == 0)
      let reports = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
      #expect(reports.count == (try Device.all()).count)
      for report in reports { #expect(table.contains(try #require(report["name"] as? String))) }
    }
  }

  @Test("no driver at all: the error names the package to install")
  func noDriver() async throws {
    let folder = try TemporaryDirectory()
    let (status, output) = try await devices([
      "CACHE_DIRECTORY": folder.path, "OCL_ICD_VENDORS": "/nonexistent",
    ])
    #expect(status == 1)
    #expect(output.contains("No OpenCL device found"))
    #expect(output.contains("pocl-opencl-icd"))
  }

  @Test("a driver that crashes when it is loaded is named, with the way to leave it out", .enabled(if: hasCompiler))
  func crashingDriver() async throws {
    let folder = try TemporaryDirectory()
    let library = folder.path + "libcrash.so"
    let compiler = try await ChildProcess(
      executable: "/bin/sh",
      arguments: [
        "-c",
        "echo 'void abort(void); __attribute__((constructor)) static void f(void) { abort(); }' "
          + "| cc -shared -fPIC -x c -o \(library) -",
      ], timeLimit: .seconds(60)
    ).run()
    #expect(compiler.ending == .exited(0), "\(compiler.errors)")
    try Data("\(library)\n".utf8).write(to: folder.url.appending(path: "crash.icd"))
    for path in VendorFiles.current.paths {
      try FileManager.default.copyItem(atPath: path, toPath: folder.path + URL(filePath: path).lastPathComponent)
    }
    let (status, output) = try await devices([
      "CACHE_DIRECTORY": folder.path + "cache", "OCL_ICD_VENDORS": String(folder.path.dropLast()),
    ])
    #expect(status == 1)
    #expect(output.contains("signal 6"))
    #expect(output.contains("By itself \(folder.path)crash.icd fails"))
    #expect(output.contains("OCL_ICD_VENDORS=\(folder.path)"))
  }

  @Test("a trial run whose parent is gone ends at once")
  func orphan() async throws {
    let esvitd = try #require(Self.esvitd, "esvitd was not built beside the tests")
    let outcome = try await ChildProcess(
      executable: "/bin/sh", arguments: ["-c", "exec \"$0\" prebuild --device auto < /dev/null", esvitd],
      timeLimit: .seconds(60)
    ).run()
    #expect(outcome.ending == .exited(EXIT_FAILURE))
    #expect(outcome.output.isEmpty)
  }

  @Test("PoCL's cache goes where ours is, and two processes may start on a fresh one together")
  func together() async throws {
    let folder = try TemporaryDirectory()
    let environment = ["CACHE_DIRECTORY": folder.path]
    // With all kernels where the long tests run; else only the drivers start together.
    let isLong = ProcessInfo.processInfo.environment["ESVIT_TEST_ALL"] != nil
    let arguments = isLong ? ["devices", "--check"] : ["devices"]
    async let first = devices(environment, arguments: arguments)
    async let second = devices(environment, arguments: arguments)
    let statuses = try await [first.status, second.status]
    #expect(statuses == [0, 0])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.contains(CacheDirectory(url: folder.url, origin: "test").pocl.lastPathComponent))
  }
}
