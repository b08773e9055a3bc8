// The bounds that protect the daemon from its clients.

/// Upper bounds on what a client may ask for; `status` shows them.
package struct Limits: Sendable, Equatable {
  /// Bytes of one line, its end not counted.
  package var line: Int = 64 << 20
  /// Bytes of an image file sent inline.
  package var inlineFile: Int = 45 << 20
  /// Bytes of an image file named by its path.
  package var file: Int = 64 << 20
  /// Pixels of one image.
  package var pixels: Int = 100_000_000
  /// Images, items, queries or ids in one request, and requests in one batch array.
  package var items: Int = 256
  /// Connections at a time.
  package var connections: Int = 256
  /// Bytes of requests and answers in hand over all connections.
  package var memory: Int = 512 << 20
  /// Neighbours of one query.
  package let k = 1000
  /// Requests of one connection that are worked on at a time; further ones wait in its socket.
  package let requestsPerConnection = 64
}
