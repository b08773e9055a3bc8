import Wire

/// What is known of a collection's items without their pictures: enough to say how many relevant items a query could
/// have found, whatever was left out for it. Ids, slides, patients and sites are told apart as the daemon does, byte by
/// byte.
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
  private var cases: [String: [Case: Int]] = [:]
  /// The same among the items that share a value of `excludeSame`.
  private var sharing: [Pair: [Case: Int]] = [:]
  private var places: [ExactString: Int] = [:]

  private struct Pair: Hashable {
    let label: String
    let value: ExactString
  }

  private enum Case: Hashable {
    case item(ExactString)
    case shared(ExactString)
  }

  init(excludeSame: SameField?, distinct: CaseField?) {
    self.excludeSame = excludeSame
    self.distinct = distinct
  }

  mutating func add(_ item: StoredItem) {
    let entry = Entry(id: item.id, label: item.label, slide: item.slide, patient: item.patient, site: item.site)
    places[ExactString(item.id)] = entries.count
    entries.append(entry)
    guard let label = entry.label else { return }
    cases[label, default: [:]][ownCase(entry), default: 0] += 1
    if let value = value(excludeSame, entry) {
      sharing[Pair(label: label, value: value), default: [:]][ownCase(entry), default: 0] += 1
    }
  }

  /// Relevant results that a query with this label could have found.
  /// - Parameter id: the query's own id where it is a stored item, which is never its own neighbour.
  func relevant(label: String, fields: PathFieldOptions.Values, id: String?) -> Int {
    guard let all = cases[label] else { return 0 }
    let own = id.flatMap { places[ExactString($0)] }.map { entries[$0] }
    let value = value(excludeSame, fields) ?? own.flatMap { self.value(excludeSame, $0) }
    let excluded = value.flatMap { sharing[Pair(label: label, value: $0)] } ?? [:]
    var lost = excluded.count { all[$0.key] == $0.value }
    // The query itself, unless it went with those that share its value.
    if let own, own.label == label, value == nil || self.value(excludeSame, own) != value {
      let key = ownCase(own)
      if all[key].map({ $0 - (excluded[key] ?? 0) }) == 1 { lost += 1 }
    }
    return all.count - lost
  }

  private func ownCase(_ entry: Entry) -> Case {
    let shared =
      switch distinct {
      case .slide?: entry.slide
      case .patient?: entry.patient
      case nil: String?.none
      }
    return shared.map { .shared(ExactString($0)) } ?? .item(ExactString(entry.id))
  }

  private func value(_ field: SameField?, _ entry: Entry) -> ExactString? {
    switch field {
    case .slide?: entry.slide.map(ExactString.init)
    case .patient?: entry.patient.map(ExactString.init)
    case .site?: entry.site.map(ExactString.init)
    case nil: nil
    }
  }

  private func value(_ field: SameField?, _ fields: PathFieldOptions.Values) -> ExactString? {
    switch field {
    case .slide?: fields.slide.map(ExactString.init)
    case .patient?: fields.patient.map(ExactString.init)
    case .site?: fields.site.map(ExactString.init)
    case nil: nil
    }
  }
}
