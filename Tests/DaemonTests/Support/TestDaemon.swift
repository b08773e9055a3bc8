import Foundation
import Logging
import OpenCL
import Operators
import Wire

@testable import Daemon
@testable import EsViT
@testable import Imaging

/// Everything but the process: the real engine with a tiny model and a real archive, behind a real socket.
struct TestDaemon: Sendable {
  let engine: Engine
  let readiness: Readiness
  let health: DeviceHealth
  let server: TestServer
  /// A directory below which images may be named by path.
  let images: String

  func client() throws -> SocketClient { try server.client() }

  /// Runs `body` with a daemon whose settings `adapt` may change.
  static func run<Value: Sendable>(
    _ adapt: (inout Settings) -> Void = { _ in }, _ body: @escaping @Sendable (TestDaemon) async throws -> Value
  ) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appending(path: "esvitd-\(UUID().uuidString.prefix(8))")
    let images = folder.appending(path: "images")
    try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = try Settings.read(SettingsSources(flags: [:], environment: [:], defaultFile: "/nonexistent")).0
    settings.model = try tinyModel.get()
    settings.state = folder.appending(path: "state").path
    settings.cache = cache.path
    settings.imageRoots = [images.path]
    adapt(&settings)

    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let (statistics, health, readiness) = (Statistics(), DeviceHealth(), Readiness())
    let engine = try await Engine.load(
      settings, prepare: { _, _, _, _, _ in try await device.value }, statistics: statistics, health: health,
      logger: logger, doing: { _ in })
    readiness.ready(engine)
    let memory = RequestMemory(limit: settings.limits.inHand)
    let router = Router(
      readiness: readiness, statistics: statistics, health: health, memory: memory, settings: settings, started: .now,
      logger: logger)
    let value = try await TestServer.run(
      router, limits: settings.limits, statistics: statistics, memory: memory
    ) { server in
      try await body(
        TestDaemon(engine: engine, readiness: readiness, health: health, server: server, images: images.path))
    }
    await engine.archive.close()
    return value
  }

  /// Compiled kernels; kept, so that only the first run compiles.
  private static let cache = FileManager.default.temporaryDirectory.appending(path: "esvitd-tests-cache")

  /// One device for all tests, without the trial in a child process, for which the test's program has no command.
  private static let device = Task {
    setenv("CACHE_DIRECTORY", TestDaemon.cache.path, 1)
    let directory = try Drivers.prepare()
    return try await DeviceActor.run {
      let context = try Context(device: Device.select("auto"), cacheDirectory: directory.programs)
      return PreparedDevice(context: context, variants: .preferred(for: context.device), warnings: [])
    }
  }

  /// A file with two stages of 32 and 64 channels for pictures of 56 × 56.
  private static let tinyModel = Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "esvitd-tests-\(getpid()).safetensors").path
    let architecture = Architecture(embedDimension: 32, depths: [2, 2], heads: [1, 2], window: 7, trainedSide: 56)
    try Model.random(architecture).write(to: path)
    return path
  }
}

/// Pictures that differ from each other.
enum TestPicture {
  /// A JPEG file; the same seed gives the same bytes.
  static func jpeg(_ seed: Int, side: Int = 64) throws -> Data {
    var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func random() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 40)
    }
    let colours = (0..<48).map { _ in random() }
    let pixels = (0..<side * side * 3).map { i in
      let (x, y) = (i / 3 % side, i / 3 / side)
      return colours[(y * 4 / side) * 12 + (x * 4 / side) * 3 + i % 3]
    }
    guard let image = RGBImage(width: side, height: side, pixels: pixels) else {
      throw SocketClient.Failure(description: "no picture of side \(side)")
    }
    return try Thumbnail.jpeg(of: image, side: side)
  }

  /// The picture as the protocol takes it.
  static func image(_ seed: Int, side: Int = 64) throws -> JSONValue {
    ["data": .string(Base64.encode(try jpeg(seed, side: side)))]
  }
}

extension JSONValue {
  /// The name of the error that this answer is or holds; nil for a success.
  var errorName: String? { self["error"]?["data"]?["name"]?.string }
  var errorMessage: String { self["error"]?["message"]?.string ?? "" }
}
