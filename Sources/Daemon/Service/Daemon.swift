// The daemon's whole life: listen, load, serve, drain, end.
import EsViT
import Logging
import OpenCL
import ServiceLifecycle
import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// `esvitd serve`.
package enum Daemon {
  /// Runs the daemon until SIGTERM or SIGINT, or until it cannot go on.
  ///
  /// The socket accepts from the beginning; `status` says what is being done until everything is loaded.
  ///
  /// - Parameters:
  ///   - settings: what holds.
  ///   - environment: of the process, for socket activation and the service manager.
  /// - Throws: why it could not start, or had to end.
  package static func serve(
    _ settings: Settings, environment: [String: String], logger: Logger
  ) async throws {
    signal(SIGPIPE, SIG_IGN)
    // Where the OpenCL layer looks; set before other threads read the environment.
    setenv("CACHE_DIRECTORY", settings.cache, 1)
    let manager = ServiceManager(environment: environment, logger: logger)
    let socket =
      try ListeningSocket.activated(environment: environment)
      ?? ListeningSocket(bindingTo: settings.socket, group: settings.socketGroup)
    defer { socket.withdraw() }
    guard let descriptor = socket.takeDescriptor() else { return }
    logger.notice(
      "listening",
      metadata: [
        "version": "\(DaemonVersion.current)", "socket": "\(socket.path ?? "inherited")",
        "activated": "\(socket.isInherited)",
      ])

    let (statistics, health, readiness) = (Statistics(), DeviceHealth(), Readiness())
    let memory = RequestMemory(limit: settings.limits.inHand)
    let router = Router(
      readiness: readiness, statistics: statistics, health: health, memory: memory, settings: settings,
      started: .now, logger: logger)
    let server = Server(
      descriptor: descriptor, handler: router, limits: settings.limits, idleTimeout: settings.idleTimeout,
      stallTimeout: settings.stallTimeout, drainTime: settings.drainTime, memory: memory, statistics: statistics,
      logger: logger)
    let services = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [
          // Shut down in reverse order: first the server drains, then the engine closes.
          .init(
            service: EngineService(
              settings: settings, readiness: readiness, statistics: statistics, health: health,
              manager: manager, logger: logger),
            successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .gracefullyShutdownGroup),
          .init(
            service: ServerService(server: server, readiness: readiness, manager: manager),
            successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .gracefullyShutdownGroup),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: lifecycleLogger(logger)))
    try await services.run()
    logger.notice("ended")
  }

  /// The life-cycle library's own events are for those who look for trouble in it.
  private static func lifecycleLogger(_ logger: Logger) -> Logger {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    return quiet
  }
}

/// The socket server as a service: a graceful shutdown drains it.
private struct ServerService: Service {
  let server: Server
  let readiness: Readiness
  let manager: ServiceManager

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await server.run()
    } onGracefulShutdown: {
      readiness.draining()
      manager.stopping()
      server.shutDown()
    }
  }
}

/// Loads the engine, says that it is ready, feeds the watchdog, and closes the archive in the end.
private struct EngineService: Service {
  /// Starting may take so long before the service manager gives up: compiling for a new driver takes minutes.
  static let startLimit = Duration.seconds(900)

  let settings: Settings
  let readiness: Readiness
  let statistics: Statistics
  let health: DeviceHealth
  let manager: ServiceManager
  let logger: Logger

  func run() async throws {
    let loading = Task {
      try await manager.extendingTimeout(upTo: Self.startLimit) {
        try await Engine.load(
          settings,
          prepare: { try await PreparedDevice.prepare($0, for: $1, at: $2, precisions: $3, logger: $4) },
          statistics: statistics, health: health, logger: logger
        ) { doing in
          readiness.loading(doing)
          manager.status(doing)
          logger.info("\(doing)")
        }
      }
    }
    // Neither a compiler nor a driver can be interrupted: a shutdown does not wait for them.
    guard let engine = try await firstOf(loading) else { return loading.cancel() }
    let collections = try await engine.archive.storedCollections()
    let items = collections.reduce(0) { $0 + $1.count }
    readiness.ready(engine)
    manager.ready(status: "\(engine.modelName) on \(engine.device.name), \(items) items")
    logger.notice(
      "ready",
      metadata: [
        "model": "\(engine.modelName)", "fingerprint": "\(engine.fingerprint.prefix(12))",
        "precision": "\(engine.precision.rawValue)", "device": "\(engine.device.name)",
        "collections": "\(collections.count)", "items": "\(items)",
      ])
    try await watch(engine)
    await engine.archive.close()
  }

  /// The loaded engine, or nil where the shutdown came first.
  private func firstOf(_ loading: Task<Engine, any Error>) async throws -> Engine? {
    let (outcomes, outcome) = AsyncStream.makeStream(of: Result<Engine?, any Error>.self)
    let waiting = Task { outcome.yield(await loading.result.map { $0 }) }
    defer { waiting.cancel() }
    return try await withGracefulShutdownHandler {
      var first = outcomes.makeAsyncIterator()
      return try await first.next()?.get() ?? nil
    } onGracefulShutdown: {
      outcome.yield(.success(nil))
    }
  }

  /// Feeds the watchdog through the device's thread until the shutdown, or until the device is lost.
  private func watch(_ engine: Engine) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await manager.runWatchdog { await DeviceActor.run {} } }
      group.addTask {
        await health.isLost.wait()
        if health.isLost.isOpen { throw DeviceLost(device: engine.device.name) }
      }
      group.addTask {
        try await gracefulShutdown()
        throw CancellationError()
      }
      do { while try await group.next() != nil {} } catch is CancellationError { group.cancelAll() }
    }
  }
}

/// The device failed time and again: the process ends, and its service manager starts it anew.
package struct DeviceLost: Error, CustomStringConvertible {
  /// The device's name.
  package let device: String

  package var description: String {
    "the device \(device) failed \(DeviceHealth.patience) times in a row; the daemon ended so that a new one can open it"
  }
}
