/// What ties an answer to its request: a string, a whole number or null (JSON-RPC 2.0, section 4).
package enum RequestID: Sendable, Hashable, JSONWritable {
  case string(String)
  case number(Int64)
  case null

  package init?(_ value: JSONValue) {
    switch value {
    case .string(let text): self = .string(text)
    case .integer(let number): self = .number(number)
    case .null: self = .null
    default: return nil
    }
  }

  package func write(to writer: inout JSONWriter) {
    switch self {
    case .string(let text): text.write(to: &writer)
    case .number(let number): number.write(to: &writer)
    case .null: JSONValue.null.write(to: &writer)
    }
  }
}

/// The envelope of a request or notification.
package struct Request: Sendable, Equatable {
  /// Nil for a notification, which gets no answer, not even an error.
  package var id: RequestID?
  package var method: String
  package var params: JSONObject

  package init(id: RequestID?, method: String, params: JSONObject = JSONObject()) {
    self.id = id
    self.method = method
    self.params = params
  }

  /// Whether `params` ask for progress notifications; `Call` checks that the value is a boolean.
  package var wantsProgress: Bool { params["progress"]?.bool ?? false }
}

extension Request: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jsonrpc", "2.0")
      writer.field("id", id)
      writer.field("method", method)
      if !params.isEmpty { writer.field("params", params) }
    }
  }
}

/// A request that cannot be read; it is always answered, with id null where the id cannot be read either.
package struct RejectedRequest: Error, Sendable, Equatable {
  package let id: RequestID
  package let error: ErrorObject
}

/// What one line of a client holds.
package enum RequestLine: Sendable {
  case single(Result<Request, RejectedRequest>)
  /// A batch array: its answers go out together as one array, notifications left out; no answer at all where the
  /// array held notifications only.
  case batch([Result<Request, RejectedRequest>])

  /// Reads a line. A text that is no JSON, an empty array and an array over the limit are a single rejected request,
  /// as the standard says.
  package static func decode(_ line: [UInt8], limits: Limits = Limits()) -> RequestLine {
    let value: JSONValue
    do { value = try JSONParser.parse(line) } catch {
      return .single(.failure(RejectedRequest(id: .null, error: ErrorObject(jsonError: error))))
    }
    guard case .array(let elements) = value else { return .single(request(value)) }
    guard !elements.isEmpty else {
      return .single(.failure(RejectedRequest(id: .null, error: ErrorObject(.invalidRequest, "an empty batch array"))))
    }
    guard elements.count <= limits.items else {
      let text = "a batch array of \(elements.count) requests; the limit of items a request is \(limits.items)"
      return .single(.failure(RejectedRequest(id: .null, error: ErrorObject(.tooLarge, text, limit: limits.items))))
    }
    return .batch(elements.map(request))
  }

  private static func request(_ value: JSONValue) -> Result<Request, RejectedRequest> {
    func reject(_ id: RequestID?, _ message: String, _ code: ErrorCode = .invalidRequest) -> Result<
      Request, RejectedRequest
    > {
      .failure(RejectedRequest(id: id ?? .null, error: ErrorObject(code, message)))
    }
    guard case .object(let object) = value else {
      return reject(nil, "a request is an object, found \(value.typeName)")
    }
    var id: RequestID?
    if let given = object["id"] {
      id = RequestID(given)
      guard id != nil else { return reject(nil, "id: expected a string, a whole number of 64 bits or null") }
    }
    guard object["jsonrpc"] == .string("2.0") else { return reject(id, "jsonrpc: expected the string \"2.0\"") }
    guard let method = object["method"] else { return reject(id, "method: missing; expected a string") }
    guard case .string(let method) = method else {
      return reject(id, "method: expected a string, found \(method.typeName)")
    }
    let known = ["jsonrpc", "id", "method", "params"]
    if let stranger = object.first(where: { !known.contains($0.name) }) {
      return reject(id, "\(stranger.name.prefix(64)): unknown member of a request (known: jsonrpc, id, method, params)")
    }
    switch object["params"] {
    case nil: return .success(Request(id: id, method: method))
    case .object(let params): return .success(Request(id: id, method: method, params: params))
    case .array: return reject(id, "params: this daemon takes parameters by name, in an object", .invalidParams)
    case .some(let other): return reject(id, "params: expected an object, found \(other.typeName)")
    }
  }
}

extension ErrorObject {
  /// `parse_error`, or `too_large` for a text beyond the parser's bounds.
  package init(jsonError error: JSONError) {
    switch error.reason {
    case .tooDeep(let limit), .tooManyValues(let limit):
      self.init(.tooLarge, "the line holds \(error)", limit: limit)
    default: self.init(.parseError, "the line is no valid JSON: \(error)")
    }
  }
}
