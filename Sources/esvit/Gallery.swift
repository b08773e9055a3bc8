import Wire

/// What is known of a collection's items without their pictures: enough to say how many relevant items a query could
/// have found, whatever was left out for it.
struct Gallery {
  struct Entry: Sendable {
    var id: String
    var label: String?
    var slide: String?
    var patient: String?
    var site: String?
  }

  private(set) var entries: [Entry] = []
  private let excludeSame: SameField?
  private let distinct: CaseField?
  /// Items with a label in each case; without `distinct` every item is a case.
  private var cases: [String: [String: Int]] = [:]
  /// The same among the items that share a value of `excludeSame`.
  private var sharing: [Pair: [String: Int]] = [:]
  private var places: [String: Int] = [:]

  private struct Pair: Hashable {
    let label: String
    let value: String
  }

  init(excludeSame: SameField?, distinct: CaseField?) {
    self.excludeSame = excludeSame
    self.distinct = distinct
  }

  mutating func add(_ item: StoredItem) {
    let entry = Entry(id: item.id, label: item.label, slide: item.slide, patient: item.patient, site: item.site)
    places[item.id] = entries.count
    entries.append(entry)
    guard let label = entry.label else { return }
    cases[label, default: [:]][caseKey(entry), default: 0] += 1
    if let value = value(excludeSame, entry) {
      sharing[Pair(label: label, value: value), default: [:]][caseKey(entry), default: 0] += 1
    }
  }

  /// Relevant results that a query with this label could have found.
  /// - Parameter id: the query's own id where it is a stored item, which is never its own neighbour.
  func relevant(label: String, fields: PathFieldOptions.Values, id: String?) -> Int {
    guard let all = cases[label] else { return 0 }
    let own = id.flatMap { places[$0] }.map { entries[$0] }
    let value = value(excludeSame, fields) ?? own.flatMap { self.value(excludeSame, $0) }
    let excluded = value.flatMap { sharing[Pair(label: label, value: $0)] } ?? [:]
    var lost = excluded.count { all[$0.key] == $0.value }
    // The query itself, unless it went with those that share its value.
    if let own, own.label == label, value == nil || self.value(excludeSame, own) != value {
      let key = caseKey(own)
      if all[key].map({ $0 - (excluded[key] ?? 0) }) == 1 { lost += 1 }
    }
    return all.count - lost
  }

  private func caseKey(_ entry: Entry) -> String {
    switch distinct {
    case .slide?: entry.slide.map { "c" + $0 } ?? "i" + entry.id
    case .patient?: entry.patient.map { "c" + $0 } ?? "i" + entry.id
    case nil: entry.id
    }
  }

  private func value(_ field: SameField?, _ entry: Entry) -> String? {
    switch field {
    case .slide?: entry.slide
    case .patient?: entry.patient
    case .site?: entry.site
    case nil: nil
    }
  }

  private func value(_ field: SameField?, _ fields: PathFieldOptions.Values) -> String? {
    switch field {
    case .slide?: fields.slide
    case .patient?: fields.patient
    case .site?: fields.site
    case nil: nil
    }
  }
}
