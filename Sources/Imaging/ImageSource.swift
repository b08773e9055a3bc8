import FoundationEssentials

/// Where an image file's bytes come from.
package enum ImageSource: Sendable {
  /// The file itself, as a request carried it.
  case data(Data)
  /// The same, held as an array.
  case bytes([UInt8])
  /// A path that must lie below one of the roots; opened, read and hashed by the decoding thread.
  case file(String, below: ImageRoots)
}
