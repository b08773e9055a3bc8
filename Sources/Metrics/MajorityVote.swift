/// The label that most of the nearest neighbours have.
package enum MajorityVote {
  /// The winner among the first `n` labels; nil where two labels tie for the lead, or where the winner is "no label".
  /// A tie counts as wrong: breaking it by rank or by chance would flatter small n.
  package static func winner(of labels: [String?], first n: Int) -> String? {
    var counts: [String?: Int] = [:]
    for label in labels.prefix(max(n, 0)) { counts[label, default: 0] += 1 }
    guard let most = counts.values.max() else { return nil }
    let leaders = counts.filter { $0.value == most }
    guard leaders.count == 1, let leader = leaders.first else { return nil }
    return leader.key
  }
}
