/// What to look for.
package struct Query: Sendable {
  package enum Target: Sendable {
    /// `dimension` finite numbers that are not all zero.
    case embedding([Float])
    /// A stored item, which is never its own neighbour.
    case id(String)
  }
  package var target: Target
  /// The query's own case, for `excludeSame`; what is nil is taken from the stored item where the target is an id.
  package var slide: String?
  package var patient: String?
  package var site: String?

  package init(_ target: Target, slide: String? = nil, patient: String? = nil, site: String? = nil) {
    self.target = target
    self.slide = slide
    self.patient = patient
    self.site = site
  }

  subscript(field: Field) -> String? {
    switch field {
    case .label: nil
    case .slide: slide
    case .patient: patient
    case .site: site
    }
  }
}

/// One item found.
package struct Neighbour: Sendable, Equatable {
  package var item: StoredItem
  /// The cosine between the query and the item's resident vector, in double precision, -1…1.
  package var score: Double
}

/// What one query found.
package struct QueryAnswer: Sendable, Equatable {
  /// Best first; equal scores in the order of insertion.
  package var neighbours: [Neighbour]
  /// How many items were compared: those that passed filter and exclusions.
  package var searched: Int
  /// How many of them lack a field that `excludeSame` or `distinct` names.
  package var unattributed: Int
}

/// One answer a query, in order; a query that could not be asked holds its own error.
package struct SearchAnswer: Sendable {
  package var results: [Result<QueryAnswer, ArchiveError>]
  /// The largest `searched` of the queries answered.
  package var searched: Int
  /// The largest `unattributed` of the queries answered.
  package var unattributed: Int
}
