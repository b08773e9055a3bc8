/// How often the nearest neighbour of a query of one class is of another.
package struct Confusion: Sendable, Equatable {
  /// The classes of queries and neighbours, sorted; a neighbour without a label, or none at all, is the last column.
  package let labels: [String]
  /// `counts[i][j]`: queries of class i whose nearest neighbour is of class j; one more column, for no label, than rows.
  package let counts: [[Int]]

  package init(_ pairs: [(label: String, nearest: String?)]) {
    let labels = Set(pairs.map(\.label) + pairs.compactMap(\.nearest)).sorted()
    let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($0.element, $0.offset) })
    var counts = labels.map { _ in [Int](repeating: 0, count: labels.count + 1) }
    for pair in pairs {
      guard let row = places[pair.label] else { continue }
      counts[row][pair.nearest.flatMap { places[$0] } ?? labels.count] += 1
    }
    self.labels = labels
    self.counts = counts
  }

  /// Whether some query's nearest neighbour has no label, so that the last column is worth showing.
  package var hasUnlabelled: Bool { counts.contains { ($0.last ?? 0) > 0 } }
}
