import Supabase

/// The tables with their counts; on a narrow window a block each. Roles are given, because a table whose parts are
/// laid out otherwise is no longer one for a screen reader.
struct PageTables {
  private let tables: [TableStatus]
  private let now: Int64

  init(_ status: MirrorStatus) {
    tables = status.tables
    now = status.takenAt
  }

  private static let headings = [
    "table", "feed", "lag", "read", "written", "same", "deleted", "waiting", "held", "quarantined",
    "checked",
  ]

  var html: String {
    guard !tables.isEmpty else {
      return "<section><h2>Tables</h2><p class=\"none\">No table is mirrored yet.</p></section>"
    }
    let head = Self.headings.map { name in
      "<th role=\"columnheader\" scope=\"col\">\(name)</th>"
    }.joined()
    return """
      <section>
      <h2>Tables <span>\(tables.count)</span></h2>
      <table role="table" aria-label="Tables">
      <thead role="rowgroup"><tr role="row">\(head)</tr></thead>
      <tbody role="rowgroup">
      \(tables.map(row).joined(separator: "\n"))
      </tbody>
      </table>
      <p class="legend">Rows are counted since the start. <b>waiting</b>: keys yet to be looked at. <b>held</b>: deletes that wait for approval. <b>quarantined</b>: rows that the target refuses. <b>checked</b>: since all rows were last reconciled.</p>
      </section>
      """
  }

  private func row(_ table: TableStatus) -> String {
    let sentences =
      [
        table.failure.map { ("bad", $0) },
        table.feedProblem.isEmpty ? nil : ("warning", table.feedProblem),
        table.copying.map { ("busy", "being copied whole: \($0.sentence)") },
      ]
      .compactMap(\.self) + table.unmirrored.map { ("warning", $0) }
      + [table.verified].compactMap(\.self).map {
        ($0.drift > 0 ? "warning" : "plain", $0.sentence(at: now))
      }
    let notes = sentences.map { kind, text in
      "<small class=\"\(kind)\">\(HTMLText.sentence(Verdict.sentence(text)))</small>"
    }.joined()
    let counts = [
      ("read", table.read, ""), ("written", table.upserted, ""), ("same", table.unchanged, ""),
      ("deleted", table.deleted, ""), ("waiting", table.waiting, ""),
      ("held", table.held, "warning"),
      ("quarantined", table.quarantined, "warning"),
    ]
    let checked = table.lastReconcile.map { SpokenTime.span(from: $0, to: now) }
    let cells =
      [Self.cell("lag", table.lag.map(SpokenTime.duration))]
      + counts.map { name, count, kind in
        Self.cell(name, ReportText.grouped(count), kind: count == 0 ? "zero" : kind)
      } + [Self.cell("checked", checked)]
    let state = table.failure == nil ? table.feed.rawValue : "stopped"
    return """
      <tr role="row"\(table.failure == nil ? "" : " class=\"stopped\"")>\
      <th role="rowheader" scope="row">\(HTMLText.name(table.name.description))\(notes)</th>\
      <td role="cell" class="feed"><span class="state \(Self.level(table))">\(state)</span></td>\
      \(cells.joined())</tr>
      """
  }

  private static func cell(_ name: String, _ text: String?, kind: String = "") -> String {
    let kind = text == nil ? "zero" : kind
    let shown = "<span class=\"label\" aria-hidden=\"true\">\(name)</span>"
    return
      "<td role=\"cell\"\(kind.isEmpty ? "" : " class=\"\(kind)\"")>\(shown)\(text ?? "–")</td>"
  }

  private static func level(_ table: TableStatus) -> String {
    if table.failure != nil { return "bad" }
    return switch table.feed {
    case .off: "plain"
    case .joining: "busy"
    case .unproven, .refused: "warning"
    case .live: "good"
    }
  }
}
