/// What a request may weigh (protocol.md, "Limits"); settings of the daemon, shown by `status`.
package struct Limits: Sendable, Equatable {
  /// Bytes of a line.
  package var line = 64 << 20
  /// Bytes of an image file inside a line, base64 undone.
  package var inlineFile = 45 << 20
  /// Bytes of an image file by path.
  package var pathFile = 64 << 20
  /// Pixels of an image.
  package var pixels = 100_000_000
  /// Items, queries, images, ids in a request; requests in a batch array.
  package var items = 256
  /// Largest `k` of a search.
  package var k = 1_000
  /// Items on a page of `list`.
  package var page = 1_000
  /// Numbers of an embedding.
  package var dimension = 65_536
  /// Bytes of a name, id, label, slide, patient, site or source.
  package var text = 1_024
  /// Bytes of an item's metadata as JSON.
  package var metadata = 16_384
  /// Values that a filter may list for one field.
  package var filterValues = 1_000
  /// Connections at a time.
  package var connections = 256
  /// Bytes of requests in hand over all connections.
  package var inHand = 512 << 20

  package init() {}

  /// Bytes of an answer's line: as many as a request's may have, and enough for the small ones in any case.
  package var answer: Int { max(line, 1 << 20) }
}

extension Limits: JSONWritable {
  /// Reads `status`'s limits; what is not there keeps its default.
  package init(_ value: JSONValue) {
    func read(_ name: String, _ limit: inout Int) { if let given = value[name]?.integer, given > 0 { limit = given } }
    read("line", &line)
    read("inline_file", &inlineFile)
    read("path_file", &pathFile)
    read("pixels", &pixels)
    read("items", &items)
    read("k", &k)
    read("page", &page)
    read("dimension", &dimension)
    read("text", &text)
    read("metadata", &metadata)
    read("filter_values", &filterValues)
    read("connections", &connections)
    read("in_hand", &inHand)
  }

  package func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.field("line", line)
      writer.field("inline_file", inlineFile)
      writer.field("path_file", pathFile)
      writer.field("pixels", pixels)
      writer.field("items", items)
      writer.field("k", k)
      writer.field("page", page)
      writer.field("dimension", dimension)
      writer.field("text", text)
      writer.field("metadata", metadata)
      writer.field("filter_values", filterValues)
      writer.field("connections", connections)
      writer.field("in_hand", inHand)
    }
  }
}
