/// A request's method with its typed parameters.
package enum Call: Sendable, Equatable {
  case encode(EncodeParameters)
  case search(SearchParameters)
  case add(AddParameters)
  case get(GetParameters)
  case list(ListParameters)
  case count(CountParameters)
  case remove(RemoveParameters)
  case collections
  case create(collection: String)
  case drop(collection: String)
  case status
  case metrics

  /// Every method's name.
  package static let methods = [
    "encode", "search", "add", "get", "list", "count", "remove", "collections", "create", "drop", "status", "metrics",
  ]

  /// Reads a request's parameters strictly. Elements of `images`, `queries` and `items` fail one by one; anything
  /// else that is wrong fails the request.
  /// - Throws: `method_not_found`, `invalid_params` or `too_large`.
  package init(_ request: Request, limits: Limits = Limits()) throws(ErrorObject) {
    var fields = Fields(request.params, path: "params", limits: limits)
    _ = try fields.bool("progress")
    switch request.method {
    case "encode": self = .encode(try EncodeParameters(&fields, limits))
    case "search": self = .search(try SearchParameters(&fields, limits))
    case "add": self = .add(try AddParameters(&fields, limits))
    case "get": self = .get(try GetParameters(&fields))
    case "list": self = .list(try ListParameters(&fields, limits))
    case "count": self = .count(try CountParameters(&fields, limits))
    case "remove": self = .remove(try RemoveParameters(&fields, limits))
    case "collections": self = .collections
    case "create": self = .create(collection: try fields.requiredString("collection"))
    case "drop": self = .drop(collection: try fields.requiredString("collection"))
    case "status": self = .status
    case "metrics": self = .metrics
    default:
      let known = Self.methods.joined(separator: ", ")
      throw ErrorObject(.methodNotFound, "\"\(request.method.prefix(64))\" is no method (known: \(known))")
    }
    try fields.finish()
  }

  /// The method's name.
  package var method: String {
    switch self {
    case .encode: "encode"
    case .search: "search"
    case .add: "add"
    case .get: "get"
    case .list: "list"
    case .count: "count"
    case .remove: "remove"
    case .collections: "collections"
    case .create: "create"
    case .drop: "drop"
    case .status: "status"
    case .metrics: "metrics"
    }
  }

  /// The request's line, line feed included: a client's way out.
  package func line(id: RequestID, progress: Bool = false) -> [UInt8] {
    JSONWriter.line(of: Envelope(id: id, call: self, progress: progress))
  }
}

private struct Envelope: JSONWritable {
  let id: RequestID
  let call: Call
  let progress: Bool

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("jsonrpc", "2.0")
      writer.field("id", id)
      writer.field("method", call.method)
      writer.field("params", Members(call: call, progress: progress))
    }
  }
}

private struct Members: JSONWritable {
  let call: Call
  let progress: Bool

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      call.writeMembers(&writer)
      if progress { writer.field("progress", true) }
    }
  }
}
