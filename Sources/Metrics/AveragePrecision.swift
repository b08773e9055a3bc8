/// Which of a query's neighbours are relevant, best first, and how many relevant items there were to find.
///
/// The three averages share the sum of P@i over the ranks i of the hits within the first k, and differ in what they
/// divide it by; papers say "mAP" for each of them.
package struct Ranking: Sendable, Equatable {
  /// Whether the neighbour at each rank, from the best, is relevant.
  package let hits: [Bool]
  /// Relevant items that the search could have found, whatever k.
  package let relevant: Int

  package init(hits: [Bool], relevant: Int) {
    self.hits = hits
    self.relevant = relevant
  }

  /// P@k: hits within the first k, over k (also where fewer than k neighbours came back).
  package func precision(at k: Int) -> Double {
    k > 0 ? Double(found(at: k)) / Double(k) : 0
  }

  /// AP@k over the hits found: how early the hits come, given how many there are; 0 without any.
  package func averagePrecisionOverHits(at k: Int) -> Double { ratio(precisionSum(at: k), found(at: k)) }

  /// AP@k over k: 1 only where all k neighbours are relevant.
  package func averagePrecisionOverK(at k: Int) -> Double { ratio(precisionSum(at: k), k) }

  /// AP@k over min(k, relevant): 1 where everything that could be found comes first.
  package func averagePrecisionOverReachable(at k: Int) -> Double { ratio(precisionSum(at: k), min(k, relevant)) }

  private func found(at k: Int) -> Int { hits.prefix(max(k, 0)).count { $0 } }

  private func precisionSum(at k: Int) -> Double {
    var found = 0
    var sum = 0.0
    for (index, hit) in hits.prefix(max(k, 0)).enumerated() where hit {
      found += 1
      sum += Double(found) / Double(index + 1)
    }
    return sum
  }

  private func ratio(_ sum: Double, _ count: Int) -> Double { count > 0 ? sum / Double(count) : 0 }
}
