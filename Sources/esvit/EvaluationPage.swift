import Metrics
import Wire

extension EvaluationReport {
  /// The page of `esvit evaluate --html`: the scores, and the queries with the lowest average precision over k.
  /// - Parameter template: the search that gives the worst queries their neighbours' pictures.
  func page(
    worst count: Int, template: SearchParameters, _ image: ImageOptions, _ daemon: Connection
  ) throws(ClientError) -> HTML {
    let precision = queries.map { $0.ranking.averagePrecisionOverK(at: k) }
    let order = queries.indices.sorted { (precision[$0], subjects[$0].name) < (precision[$1], subjects[$1].name) }
    let worst = Array(order.prefix(count))
    let asked = worst.map { subjects[$0] }
    var parts: [QueryPart] = []
    if !asked.isEmpty {
      let run = try SearchRun(asked, template, image, daemon)
      let pictures = try PagePicture.pictures(of: asked, collection: collection, daemon)
      for (place, index) in worst.enumerated() {
        guard let neighbours = try? run.outcomes[place].get() else { continue }
        let hits = queries[index].ranking.hits.prefix(k).count { $0 }
        let note = "\(hits) of \(k) share the label; AP over k \(Text.fixed(precision[index], 3))"
        parts.append(
          QueryPart(
            subject: asked[place], picture: pictures[place], neighbours: Array(neighbours.prefix(k)), note: note))
      }
    }
    let title = "How well neighbours agree: \(collection)"
    let worstTitle: HTML? =
      parts.isEmpty ? nil : "<section class=\"title\"><h2>The \(parts.count) worst queries</h2></section>"
    let body: HTML = """
      <header><h1>\(title)</h1>
      <p>\(Text.count(queries.count, "query", plural: "queries")) against \(summary).</p></header>
      <section><h2>Overall</h2>\(overallTable)</section>
      <section><h2>Each class</h2>\(classTable)</section>
      <section><h2>The nearest neighbour’s class</h2>
      <p>Rows are the queries’ classes, columns those of their nearest neighbours; agreement is framed.</p>
      \(confusionTable)</section>
      \(worstTitle)
      \(parts.enumerated().map { $0.element.html(number: $0.offset + 1) })
      """
    return Page(title: title, body: body).html
  }

  private func cell(_ scores: Scores, _ metric: Metric) -> HTML {
    """
    <td>\(Self.text(scores.means[metric]))<span class="range">\(Self.text(scores.intervals[metric]))</span></td>
    """
  }

  private var overallTable: HTML {
    let rows = Metric.all.map { metric -> HTML in
      """
      <tr><th scope="row">\(metric.name(k))</th>\(cell(evaluation.overall, metric))<td class="words">\(metric.definition(k))</td></tr>

      """
    }
    return """
      <div class="scroll" role="region" aria-label="Overall scores" tabindex="0"><table>
      <thead><tr><th scope="col" class="words">Metric</th><th scope="col">Mean, 95 % interval</th><th scope="col" class="words">Definition</th></tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private var classTable: HTML {
    let heads = Metric.all.map { "<th scope=\"col\">\($0.name(k))</th>" as HTML }
    let rows = evaluation.classes.map { label, scores -> HTML in
      """
      <tr><th scope="row">\(label)</th><td>\(scores.count)</td>\(Metric.all.map { cell(scores, $0) })</tr>

      """
    }
    return """
      <div class="scroll" role="region" aria-label="Scores of each class" tabindex="0"><table>
      <thead><tr><th scope="col" class="words">Class</th><th scope="col">Queries</th>\(heads)</tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }

  private var confusionTable: HTML {
    let confusion = evaluation.confusion
    var heads = confusion.labels.map { "<th scope=\"col\">\($0)</th>" as HTML }
    if confusion.hasUnlabelled { heads.append("<th scope=\"col\">no label</th>") }
    let rows = confusion.counts.enumerated().map { index, row -> HTML in
      let total = max(1, row.reduce(0, +))
      let shown = confusion.hasUnlabelled ? row[...] : row.dropLast()
      let cells = shown.enumerated().map { column, count -> HTML in
        let shade = Text.fixed(Double(count) / Double(total) * 70, 0)
        let mark: HTML = column == index ? " class=\"right\"" : ""
        return "<td\(mark) style=\"background:rgb(var(--shade) / \(shade)%)\">\(count)</td>"
      }
      return "<tr><th scope=\"row\">\(confusion.labels[index])</th>\(cells)</tr>\n"
    }
    return """
      <div class="scroll" role="region" aria-label="Confusion of the nearest neighbour" tabindex="0"><table>
      <thead><tr><th scope="col" class="words">Query</th>\(heads)</tr></thead>
      <tbody>\(rows)</tbody></table></div>
      """
  }
}
