/// What an answer carries of each item beside its id, label, slide, patient and site.
package struct Include: OptionSet, Sendable, Hashable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  package static let embedding = Include(rawValue: 1 << 0)
  package static let metadata = Include(rawValue: 1 << 1)
  package static let region = Include(rawValue: 1 << 2)
  package static let mpp = Include(rawValue: 1 << 3)
  package static let source = Include(rawValue: 1 << 4)
  package static let sha256 = Include(rawValue: 1 << 5)
  package static let thumbnail = Include(rawValue: 1 << 6)

  /// By the names that the protocol gives them.
  package static let names: [String: Include] = [
    "embedding": .embedding, "metadata": .metadata, "region": .region, "mpp": .mpp, "source": .source,
    "sha256": .sha256, "thumbnail": .thumbnail,
  ]
}
