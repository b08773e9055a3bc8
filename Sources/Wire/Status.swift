/// The result of `status`.
package struct StatusAnswer: Sendable, JSONWritable {
  package struct Device: Sendable, Equatable, JSONWritable {
    package var name: String
    package var platform: String
    /// `gpu`, `cpu` or `other`.
    package var kind: String
    package var driver: String

    package init(name: String, platform: String, kind: String, driver: String) {
      self.name = name
      self.platform = platform
      self.kind = kind
      self.driver = driver
    }

    package func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("name", name)
        writer.field("platform", platform)
        writer.field("kind", kind)
        writer.field("driver", driver)
      }
    }
  }

  package struct Model: Sendable, Equatable, JSONWritable {
    package var name: String
    package var fingerprint: String
    package var dimension: Int
    /// `f32`, `bf16` or `int8`: of `encode` and of new collections.
    package var precision: String

    package init(name: String, fingerprint: String, dimension: Int, precision: String) {
      self.name = name
      self.fingerprint = fingerprint
      self.dimension = dimension
      self.precision = precision
    }

    package func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("name", name)
        writer.field("fingerprint", fingerprint)
        writer.field("dimension", dimension)
        writer.field("precision", precision)
      }
    }
  }

  /// Milliseconds of one stage since the start.
  package struct Latency: Sendable, Equatable, JSONWritable {
    /// `decode`, `wait`, `encode`, `search` or `total`.
    package var stage: String
    package var count: Int
    package var p50: Double
    package var p90: Double
    package var p99: Double
    package var maximum: Double

    package init(stage: String, count: Int, p50: Double, p90: Double, p99: Double, maximum: Double) {
      self.stage = stage
      self.count = count
      self.p50 = p50
      self.p90 = p90
      self.p99 = p99
      self.maximum = maximum
    }

    package func write(to writer: inout JSONWriter) {
      writer.object { writer in
        writer.field("stage", stage)
        writer.field("count", count)
        writer.field("p50", p50)
        writer.field("p90", p90)
        writer.field("p99", p99)
        writer.field("max", maximum)
      }
    }
  }

  /// Version of the protocol.
  package static let protocolVersion = 1

  package var protocolVersion = Self.protocolVersion
  /// Version of the daemon.
  package var version: String
  /// `loading`, `ready` or `draining`.
  package var state: String
  /// What it is doing while it loads.
  package var doing: String?
  /// Nil while it is being opened.
  package var device: Device?
  /// Nil while it is being read.
  package var model: Model?
  /// Seconds since the start.
  package var uptime: Double
  /// Images that wait for a batch, and how many may.
  package var queueDepth: Int
  package var queueCapacity: Int
  package var connections: Int
  /// Counters since the start: requests, images, errors, …
  package var counts: JSONObject
  package var collections: [CollectionDescription]
  package var latency: [Latency]
  package var limits: Limits

  package init(
    version: String, state: String, doing: String? = nil, device: Device?, model: Model?, uptime: Double,
    queueDepth: Int, queueCapacity: Int,
    connections: Int, counts: JSONObject, collections: [CollectionDescription], latency: [Latency], limits: Limits
  ) {
    self.version = version
    self.state = state
    self.doing = doing
    self.device = device
    self.model = model
    self.uptime = uptime
    self.queueDepth = queueDepth
    self.queueCapacity = queueCapacity
    self.connections = connections
    self.counts = counts
    self.collections = collections
    self.latency = latency
    self.limits = limits
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("protocol", protocolVersion)
      writer.field("version", version)
      writer.field("state", state)
      writer.field("doing", doing)
      writer.field("device", device)
      writer.field("model", model)
      writer.field("uptime", uptime)
      writer.field(
        "queue", ["depth": .integer(Int64(queueDepth)), "capacity": .integer(Int64(queueCapacity))] as JSONValue)
      writer.field("connections", connections)
      writer.field("counts", counts)
      writer.field("collections", collections)
      writer.field("latency_ms", latency)
      writer.field("limits", limits)
    }
  }
}
