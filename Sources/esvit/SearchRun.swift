import Wire

/// What is searched with: an image file or a stored item.
struct SearchSubject: Sendable {
  enum Kind: Sendable {
    case file(ImageFile)
    case id
  }
  var kind: Kind
  /// The file's path or the item's id.
  var name: String
  /// The true label, where it is known.
  var label: String?
  var fields = PathFieldOptions.Values()
}

/// The neighbours of many subjects, asked for in as many requests as it takes.
struct SearchRun {
  /// One a subject, in order.
  private(set) var outcomes: [Result<[Neighbour], ErrorObject>]
  /// The same as the daemon sent it.
  private(set) var raw: [JSONValue]
  private(set) var searched = 0
  private(set) var unattributed = 0
  /// Most neighbours in one answer, so that answers with thumbnails stay small.
  private static let neighboursPerAnswer = 10_000

  /// - Parameter template: everything but the queries.
  init(
    _ subjects: [SearchSubject], _ template: SearchParameters, _ options: ImageOptions, _ daemon: Connection
  ) throws(ClientError) {
    let unanswered = ErrorObject(.internalError, "no answer for this query")
    outcomes = subjects.map { _ in .failure(unanswered) }
    raw = subjects.map { _ in .null }
    // One image needs no question about limits: the daemon's answer to it names what it passes.
    let limits = subjects.count > 1 ? try daemon.imageLimits() : Limits()
    let size = ImageBatches.size(limits)
    let most = max(1, min(size.images, Self.neighboursPerAnswer / max(template.k, 1)))
    var bar = ProgressBar(total: subjects.count, unit: "query", plural: "queries")
    var next = 0
    try daemon.pipeline { () throws(ClientError) -> (call: Call, subject: [Int])? in
      var queries: [Query] = []
      var indices: [Int] = []
      var bytes = 0
      while next < subjects.count, queries.count < most, bytes < size.bytes {
        let subject = subjects[next]
        do throws(ClientError) {
          let (query, weight) = try Self.query(subject, options, limits)
          if bytes > 0, bytes + weight > size.bytes { break }
          queries.append(query)
          indices.append(next)
          bytes += weight
        } catch {
          outcomes[next] = .failure(ErrorObject(.imageUnreadable, error.description))
          bar.advance(by: 1)
        }
        next += 1
      }
      guard !queries.isEmpty else { return nil }
      var parameters = template
      parameters.queries = queries.map { .success($0) }
      return (.search(parameters), indices)
    } answered: { (indices, outcome) throws(ClientError) in
      try take(outcome, indices)
      bar.advance(by: indices.count)
    }
    bar.finish()
  }

  private static func query(
    _ subject: SearchSubject, _ options: ImageOptions, _ limits: Limits
  ) throws(ClientError) -> (query: Query, bytes: Int) {
    let fields = subject.fields
    switch subject.kind {
    case .id:
      let query = Query(.id(subject.name), slide: fields.slide, patient: fields.patient, site: fields.site)
      return (query, subject.name.utf8.count)
    case .file(let file):
      let (picture, bytes) = try options.picture(file, limits)
      let content = Content.image(picture)
      let query = Query(.content(content), slide: fields.slide, patient: fields.patient, site: fields.site)
      return (query, bytes)
    }
  }

  private mutating func take(_ outcome: Result<JSONValue, ErrorObject>, _ indices: [Int]) throws(ClientError) {
    switch outcome {
    case .failure(let error):
      // One query alone may be at fault (an unknown id, a large file); anything else fails them all.
      guard indices.count == 1, error.code == .tooLarge || error.code == .invalidParams else { throw .request(error) }
      for index in indices { outcomes[index] = .failure(error) }
    case .success(let value):
      let answer = try ConnectionOptions.read(value, SearchAnswer.init)
      // What is left out may differ from query to query: the widest search is told.
      searched = max(searched, answer.searched)
      unattributed = max(unattributed, answer.unattributed)
      let places = value["results"]?.array ?? []
      for ((index, place), json) in zip(zip(indices, answer.results), places) {
        outcomes[index] = place.outcome.map(\.neighbours)
        raw[index] = json
      }
    }
  }
}
