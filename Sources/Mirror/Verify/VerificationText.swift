import JSON
import Supabase

/// A comparison's report as people read it.
package struct VerificationText: Sendable {
  private let report: VerificationReport
  private let showsKeys: Bool

  /// - Parameter showsKeys: name the rows that differ. Keys are row data.
  package init(_ report: VerificationReport, showsKeys: Bool = false) {
    self.report = report
    self.showsKeys = showsKeys
  }

  private static let headings = [
    "table", "source", "target", "equal", "missing", "extra", "different", "known", "time",
  ]

  /// Aligned columns, then what was found. Ends with a line end.
  package var plain: String {
    var text = report.tables.isEmpty ? "" : ReportText.aligned([Self.headings] + lines)
    let sections = [("Differences", differences), ("Notes", notes)]
    for (title, sentences) in sections where !sentences.isEmpty {
      text += "\(text.isEmpty ? "" : "\n")\(title):\n"
      for sentence in sentences { text += ReportText.wrapped(LogLine.printable(sentence)) }
    }
    return text + (text.isEmpty ? "" : "\n") + LogLine.printable(verdict) + "\n"
  }

  /// Ends with a line end.
  package var markdown: String {
    var text = "## Supamirror verify\n\n\(ReportText.escaped(verdict))\n"
    if !report.tables.isEmpty {
      text += "\n| " + Self.headings.joined(separator: " | ") + " |\n"
      text += "|---|" + Self.headings.dropFirst().map { _ in "---:|" }.joined() + "\n"
      for row in lines {
        text += "| " + row.map(ReportText.escaped).joined(separator: " | ") + " |\n"
      }
    }
    for (title, sentences) in [("Differences", differences), ("Notes", notes)]
    where !sentences.isEmpty {
      text += "\n### \(title)\n\n"
      for sentence in sentences { text += "- \(ReportText.escaped(sentence))\n" }
    }
    return text
  }

  /// The whole comparison in one sentence.
  package var verdict: String {
    let rows = ReportText.grouped(report.tables.reduce(0) { $0 + $1.sourceRows })
    let time = ReportText.seconds(report.elapsed)
    if let stopped = report.stopped { return "Stopped: \(stopped)." }
    if report.exitCode == .clean { return "Equal: \(rows) rows compared in \(time)." }
    let unfinished = report.tables.count { $0.endedAt == nil }
    let rest = unfinished == 0 ? "" : "; \(unfinished) tables were not compared to the end"
    let known = ReportText.grouped(report.known)
    if report.drift > 0 {
      return
        "Different: \(ReportText.grouped(report.drift)) of \(rows) rows, and \(known) more that the "
        + "mirror knows of, in \(time)\(rest)."
    }
    if report.known > 0 {
      return "Equal but for \(known) of \(rows) rows that the mirror knows of, in \(time)\(rest)."
    }
    return "No difference found in \(rows) rows, in \(time)\(rest)."
  }

  private var lines: [[String]] {
    report.tables.map { table in
      [LogLine.printable(table.table.description)]
        + [
          table.sourceRows, table.targetRows, table.equalRows, table[.missing], table[.extra],
          table[.different], table.known,
        ].map(ReportText.grouped) + [ReportText.seconds(table.elapsed)]
    }
  }

  private var differences: [String] {
    var sentences: [String] = []
    for table in report.tables {
      if let failure = table.failure { sentences.append("\(table.table): \(failure)") }
    }
    for kind in TableVerification.Kind.allCases {
      for table in report.tables where table[kind] > 0 {
        var sentence =
          "\(table.table): \(ReportText.grouped(table[kind])) \(kind.rawValue), \(Self.meaning(kind))"
        if kind == .different, !table.columns.isEmpty {
          sentence += "; by column: " + Self.columns(table)
        }
        if showsKeys {
          let keys = table.faults.filter { $0.kind == kind }.map { Self.text($0.key) }
          let rest = table[kind] - keys.count
          sentence +=
            ": " + keys.joined(separator: ", ")
            + (rest > 0 ? " and \(ReportText.grouped(rest)) more" : "")
        }
        sentences.append(sentence)
      }
    }
    return sentences
  }

  private var notes: [String] {
    report.tables.flatMap { table in table.notes.map { "\(table.table): \($0)" } }
  }

  private static func columns(_ table: TableVerification) -> String {
    table.columns.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { "\($0.key) \(ReportText.grouped($0.value))" }.joined(separator: ", ")
  }

  static func text(_ key: RowKey) -> String {
    let values = key.values.map(\.text)
    return values.count == 1 ? values[0] : "(\(values.joined(separator: ", ")))"
  }

  static func meaning(_ kind: TableVerification.Kind) -> String {
    switch kind {
    case .missing: "on the source only"
    case .extra: "on the target only"
    case .different: "on both sides with other values"
    case .pending: "newer than the mirror's last pass, or deleted since"
    case .held: "deleted at the source, the deletes wait for approval"
    case .quarantined: "refused by the target"
    case .uncarried:
      "equal but for what JSON cannot carry (a jsonb null against SQL NULL, lower bounds of arrays)"
    case .unsettled: "changed at the source at every look, so they could not be compared"
    }
  }
}
