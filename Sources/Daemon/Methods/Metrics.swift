import Retrieval
import Wire

extension Router {
  /// `metrics`: the same numbers for Prometheus.
  func metricsText() async throws -> String {
    let (state, _, engine) = condition
    let numbers = statistics.snapshot
    var text = MetricsText()
    text.gauge(
      "esvitd_info", "What runs: version, device and model.",
      [
        (
          [
            "version": DaemonVersion.current, "device": engine?.device.name ?? "", "model": engine?.modelName ?? "",
            "fingerprint": engine?.fingerprint ?? "", "precision": engine?.precision.rawValue ?? "",
          ], 1
        )
      ])
    text.gauge("esvitd_ready", "1 when requests are answered, 0 while loading or draining.", state == "ready" ? 1 : 0)
    text.gauge("esvitd_uptime_seconds", "Seconds since the start.", started.duration(to: .now).seconds)
    text.gauge("esvitd_connections", "Open connections.", Double(numbers.connections))
    text.counter("esvitd_connections_opened_total", "Connections opened.", Double(numbers.connectionsOpened))
    text.gauge("esvitd_requests_in_hand", "Requests being worked on.", Double(numbers.inHand))
    text.gauge("esvitd_bytes_in_hand", "Bytes of requests and answers in hand.", Double(memory.inHand))
    text.gauge("esvitd_bytes_in_hand_limit", "Bytes that may be in hand.", Double(memory.limit))
    text.gauge("esvitd_queue_images", "Images waiting or in work.", Double(await engine?.scheduler.inHand ?? 0))
    text.gauge("esvitd_queue_images_limit", "Images that may be in hand.", Double(settings.queueLength))
    text.counter(
      "esvitd_requests_total", "Requests by method.",
      (Call.methods + ["unknown"]).map { (["method": $0], Double(numbers.requests[$0] ?? 0)) })
    text.counter(
      "esvitd_errors_total", "Errors by name, of requests, lines and items.",
      ErrorCode.names.map { (["name": $0.name], Double(numbers.errors[$0.name] ?? 0)) })
    text.counter("esvitd_images_encoded_total", "Images encoded.", Double(numbers.images))
    text.counter("esvitd_batches_total", "Batches encoded.", Double(numbers.batches))
    text.summaries(
      "esvitd_stage_seconds", "Latency by stage since the start.",
      Stage.allCases.map { (["stage": $0.rawValue], numbers.stages[$0] ?? Statistics.Latency()) })
    if let engine {
      text.gauge(
        "esvitd_collection_items", "Items by collection.",
        try await engine.archive.storedCollections().map { (["collection": $0.name], Double($0.count)) })
    }
    return text.text
  }
}
