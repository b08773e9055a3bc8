/// The number of an error, with the name that protocol.md gives it.
///
/// A struct rather than an enum, so that a client passes on a number that a newer daemon sends.
package struct ErrorCode: RawRepresentable, Sendable, Hashable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let parseError = ErrorCode(rawValue: -32700)
  package static let invalidRequest = ErrorCode(rawValue: -32600)
  package static let methodNotFound = ErrorCode(rawValue: -32601)
  package static let invalidParams = ErrorCode(rawValue: -32602)
  package static let internalError = ErrorCode(rawValue: -32603)
  package static let imageUnreadable = ErrorCode(rawValue: -32001)
  package static let tooLarge = ErrorCode(rawValue: -32002)
  package static let notFound = ErrorCode(rawValue: -32003)
  package static let conflict = ErrorCode(rawValue: -32004)
  package static let modelMismatch = ErrorCode(rawValue: -32005)
  package static let overloaded = ErrorCode(rawValue: -32006)
  package static let deviceFailure = ErrorCode(rawValue: -32007)
  package static let storageFailure = ErrorCode(rawValue: -32008)
  package static let shuttingDown = ErrorCode(rawValue: -32009)
  package static let forbidden = ErrorCode(rawValue: -32010)
  package static let notReady = ErrorCode(rawValue: -32011)

  /// Every code of this protocol version, with its name.
  package static let names: [(code: ErrorCode, name: String)] = [
    (.parseError, "parse_error"), (.invalidRequest, "invalid_request"), (.methodNotFound, "method_not_found"),
    (.invalidParams, "invalid_params"), (.internalError, "internal_error"), (.imageUnreadable, "image_unreadable"),
    (.tooLarge, "too_large"), (.notFound, "not_found"), (.conflict, "conflict"), (.modelMismatch, "model_mismatch"),
    (.overloaded, "overloaded"), (.deviceFailure, "device_failure"), (.storageFailure, "storage_failure"),
    (.shuttingDown, "shutting_down"), (.forbidden, "forbidden"), (.notReady, "not_ready"),
  ]

  /// The name, as `error.data.name` carries it; "unknown" for a number that this version does not know.
  package var name: String { Self.names.first { $0.code == self }?.name ?? "unknown" }
}

/// An error of the protocol: what happened, where and what to do.
package struct ErrorObject: Error, Sendable, Equatable, CustomStringConvertible {
  package var code: ErrorCode
  /// A sentence for a person: names the parameter or thing, and the remedy where there is one.
  package var message: String
  /// The name in `data`; the code's own unless a newer daemon sent another.
  package var name: String
  /// The limit that was passed, in the unit the message names.
  package var limit: Int?
  /// Which item, query, image or id of the request it is about, from 0.
  package var index: Int?

  package init(_ code: ErrorCode, _ message: String, limit: Int? = nil, index: Int? = nil) {
    self.code = code
    self.message = message
    self.name = code.name
    self.limit = limit
    self.index = index
  }

  package var description: String { "\(name) (\(code.rawValue)): \(message)" }

  /// The same error, about the item at `index`.
  package func at(_ index: Int) -> ErrorObject {
    var copy = self
    copy.index = index
    return copy
  }
}

extension ErrorObject: JSONWritable {
  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("code", code.rawValue)
      writer.field("message", message)
      writer.field("data", ErrorData(error: self))
    }
  }

  /// Reads an answer's `error`; nil where it has no whole `code` and no `message`.
  package init?(_ value: JSONValue) {
    guard let code = value["code"]?.integer, let message = value["message"]?.string else { return nil }
    self.init(ErrorCode(rawValue: code), message)
    if let name = value["data"]?["name"]?.string { self.name = name }
    limit = value["data"]?["limit"]?.integer
    index = value["data"]?["index"]?.integer
  }
}

private struct ErrorData: JSONWritable {
  let error: ErrorObject

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("name", error.name)
      writer.field("limit", error.limit)
      writer.field("index", error.index)
    }
  }
}
