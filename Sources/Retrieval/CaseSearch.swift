import OpenCL

extension VectorIndex {
  /// The `k` nearest cases of each query: of each value of `field` its best row, best first. A row without the field
  /// is a case of its own.
  ///
  /// Exact: a round finds the best rows in order, and a case's first row in that order is its best. The next round
  /// excludes all rows of the cases found. What then remains ranks behind every row of this round, since each of those
  /// belongs to a case found; so the rounds together are one walk down the whole order. A round finds a new case, or
  /// nothing is left: at most `k` rounds.
  func nearestCases(
    _ queries: [[Float]], k: Int, by field: Field, _ masks: SearchMasks
  ) throws(OpenCLError) -> [[Hit]] {
    let column = table.column(field)
    var answers = [[Hit]](repeating: [], count: queries.count)
    var seen = [Set<UInt32>](repeating: [], count: queries.count)
    var open = Array(queries.indices)
    var masks = masks
    // Rows asked for at once: several a case, since the nearest rows are often of few cases.
    let wanted = min(4 * k, 1000)
    while !open.isEmpty {
      let rounds = try nearest(open.map { queries[$0] }, k: wanted, masks)
      var stillOpen: [Int] = []
      var nextMasks: [Bitmask] = []
      for (place, query) in open.enumerated() {
        let hits = rounds[place]
        for hit in hits where answers[query].count < k {
          let code = column.codes[hit.slot]
          if code == FieldColumn.missing || seen[query].insert(code).inserted { answers[query].append(hit) }
        }
        guard answers[query].count < k, hits.count == wanted else { continue }
        var mask = masks.mask(place)
        let found = seen[query]
        column.exclude(from: &mask) { found.contains($0) }
        for hit in hits { mask[hit.slot] = true }
        stillOpen.append(query)
        nextMasks.append(mask)
      }
      open = stillOpen
      masks = SearchMasks(masks: nextMasks)
    }
    return answers
  }
}
