import Foundation

/// What the tests run: the binaries that were built beside them, and the model.
enum Built {
  /// The folder of the build's products.
  static let folder: URL = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: own).deletingLastPathComponent()
  }()

  static let esvitd = folder.appendingPathComponent("esvitd").path
  static let esvit = folder.appendingPathComponent("esvit").path

  /// The repository.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The one shipped model, small enough for quick tests.
  static let model: String = {
    let models = root.appendingPathComponent("Models").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: models)) ?? []
    return files.first { $0.hasSuffix(".safetensors") }.map { "\(models)/\($0)" } ?? "random:swin-t-w7"
  }()

  /// Where compiled kernels are kept, so that only the first run ever compiles them.
  static let cache: String = {
    let inherited = ProcessInfo.processInfo.environment["CACHE_DIRECTORY"]
    // A folder of their own in it: some tests copy it, and other rooms' tests write theirs at any time.
    let path = (inherited ?? root.appendingPathComponent(".build/opencl-cache").path) + "/system"
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return path
  }()

  /// Whether file systems can be mounted in a name space of our own; a container's root often may not.
  static let canMount = inNamespace("mount -t tmpfs none /run")

  /// Whether `Tests/Tools/with-systemd` can boot one.
  static let canBoot =
    tool("systemctl") != nil
    && inNamespace(
      """
      mount -t tmpfs none /run && mkdir /run/new /run/work &&
      mount -t overlay -o lowerdir=/etc,upperdir=/run/new,workdir=/run/work none /etc &&
      umount --recursive /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && test -w /sys/fs/cgroup/cgroup.procs
      """)

  private static func inNamespace(_ script: String) -> Bool {
    guard geteuid() == 0, let unshare = tool("unshare") else { return false }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: unshare)
    process.arguments = ["--mount", "--propagation", "private", "sh", "-c", script]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  /// The program's path, if it is installed.
  static func tool(_ name: String) -> String? {
    ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"].map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
