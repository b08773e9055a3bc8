/// An answer to one request.
package struct Response<Value: JSONWritable & Sendable>: Sendable, JSONWritable {
  package var id: RequestID
  package var outcome: Result<Value, ErrorObject>

  package init(id: RequestID, outcome: Result<Value, ErrorObject>) {
    self.id = id
    self.outcome = outcome
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jsonrpc", "2.0")
      writer.field("id", id)
      switch outcome {
      case .success(let value): writer.field("result", value)
      case .failure(let error): writer.field("error", error)
      }
    }
  }
}

/// How far a long request is; sent where its parameters hold `"progress": true`.
package struct Progress: Sendable, Equatable, JSONWritable {
  package var id: RequestID
  package var done: Int
  package var total: Int

  package init(id: RequestID, done: Int, total: Int) {
    self.id = id
    self.done = done
    self.total = total
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jsonrpc", "2.0")
      writer.field("method", "progress")
      writer.field("params", ProgressParameters(progress: self))
    }
  }
}

private struct ProgressParameters: JSONWritable {
  let progress: Progress

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("id", progress.id)
      writer.field("done", progress.done)
      writer.field("total", progress.total)
    }
  }
}

/// The lines that a daemon sends.
package enum ResponseLine {
  /// A result's line, line feed included.
  package static func success(_ id: RequestID, _ result: some JSONWritable & Sendable) -> [UInt8] {
    JSONWriter.line(of: Response(id: id, outcome: .success(result)))
  }

  /// A result's line, line feed included; nil where it is longer than `limit` bytes.
  package static func success(_ id: RequestID, _ result: some JSONWritable & Sendable, limit: Int) -> [UInt8]? {
    JSONWriter.line(of: Response(id: id, outcome: .success(result)), limit: limit)
  }

  /// An error's line, line feed included.
  package static func failure(_ id: RequestID, _ error: ErrorObject) -> [UInt8] {
    JSONWriter.line(of: Response<JSONValue>(id: id, outcome: .failure(error)))
  }

  /// A batch's line out of the lines of its answers; nil where there are none (notifications only).
  package static func batch(_ lines: [[UInt8]]) -> [UInt8]? {
    guard !lines.isEmpty else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(lines.reduce(2) { $0 + $1.count + 1 })
    for (index, line) in lines.enumerated() {
      bytes.append(index == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
      bytes.append(contentsOf: line.last == 0x0A ? line.dropLast() : line[...])
    }
    bytes.append(UInt8(ascii: "]"))
    bytes.append(0x0A)
    return bytes
  }
}

/// What a client receives.
package enum ServerMessage: Sendable, Equatable {
  case answer(id: RequestID, Result<JSONValue, ErrorObject>)
  case progress(Progress)
  case batch([ServerMessage])

  /// Reads a line; nil where it is no answer of the protocol. Members that a newer daemon added are passed over.
  package static func decode(_ line: [UInt8]) -> ServerMessage? {
    guard let value = try? JSONParser.parse(line) else { return nil }
    if case .array(let elements) = value {
      let messages = elements.compactMap(message)
      return messages.count == elements.count && !messages.isEmpty ? .batch(messages) : nil
    }
    return message(value)
  }

  private static func message(_ value: JSONValue) -> ServerMessage? {
    if value["method"] == .string("progress"), let params = value["params"],
      let id = params["id"].flatMap(RequestID.init),
      let done = params["done"]?.integer, let total = params["total"]?.integer
    {
      return .progress(Progress(id: id, done: done, total: total))
    }
    guard let id = value["id"].flatMap(RequestID.init) else { return nil }
    if let result = value["result"] { return .answer(id: id, .success(result)) }
    guard let error = value["error"].flatMap(ErrorObject.init) else { return nil }
    return .answer(id: id, .failure(error))
  }
}
