import Supabase

/// A pass's report as people read it: plain text for a terminal, Markdown for a workflow's summary page.
package struct ReportText: Sendable {
  private let report: PassReport

  package init(_ report: PassReport) { self.report = report }

  /// Short words, so that 80 columns do: `refused` are the rows in quarantine.
  private static let headings = [
    "table", "read", "written", "same", "deleted", "held", "refused", "time", "lag",
  ]

  /// Aligned columns, then what needs a person. Ends with a line end.
  package var plain: String {
    let rows = [Self.headings] + lines
    var text = ""
    if !report.tables.isEmpty {
      text += Self.aligned(rows)
    }
    let attention = Attention(report)
    for (title, sentences) in [("Needs attention", attention.problems), ("Notes", attention.notes)]
    where !sentences.isEmpty {
      text += "\(text.isEmpty ? "" : "\n")\(title):\n"
      for sentence in sentences { text += Self.wrapped(sentence) }
    }
    return text + (text.isEmpty ? "" : "\n") + verdict + "\n"
  }

  /// A section for `GITHUB_STEP_SUMMARY`. Ends with a line end.
  package var markdown: String {
    var text = "## Supamirror\n\n\(Self.escaped(verdict))\n"
    if !report.tables.isEmpty {
      text += "\n| " + Self.headings.joined(separator: " | ") + " |\n"
      text += "|---|" + Self.headings.dropFirst().map { _ in "---:|" }.joined() + "\n"
      for row in lines { text += "| " + row.map(Self.escaped).joined(separator: " | ") + " |\n" }
    }
    let attention = Attention(report)
    for (title, sentences) in [("Needs attention", attention.problems), ("Notes", attention.notes)]
    where !sentences.isEmpty {
      text += "\n### \(title)\n\n"
      for sentence in sentences { text += "- \(Self.escaped(sentence))\n" }
    }
    return text
  }

  /// What a workflow's run shows at its top; nil where nothing needs a person.
  package var annotation: String? {
    if report.exitCode == .clean { return nil }
    return ([verdict] + Attention(report).problems).joined(separator: "\n")
  }

  /// The whole pass in one sentence.
  package var verdict: String {
    let time = Self.seconds(report.elapsed)
    let written = report.tables.reduce(0) { $0 + $1.upserted }
    let deleted = report.tables.reduce(0) { $0 + $1.deleted }
    let work = "\(Self.grouped(written)) written, \(Self.grouped(deleted)) deleted in \(time)"
    return switch report.exitCode {
    case .clean: "Everything is mirrored: \(work)."
    case .incomplete where report.stopped != nil: "Stopped early: \(work)."
    case .incomplete: "Not everything is mirrored: \(work)."
    case .configuration: "Nothing could be mirrored: the configuration is wrong."
    case .project: "Stopped, a project cannot be used: \(work)."
    }
  }

  /// A line a table, then the totals where there is more than one.
  private var lines: [[String]] {
    var lines = report.tables.map { Self.line(LogLine.printable($0.table.description), [$0]) }
    if report.tables.count > 1 {
      lines.append(Self.line("total", report.tables, elapsed: report.elapsed))
    }
    return lines
  }

  private static func line(
    _ name: String, _ tables: [TableReport], elapsed: Duration? = nil
  ) -> [String] {
    let counts = [
      \TableReport.read, \.upserted, \.unchanged, \.deleted, \.held, \.quarantined,
    ]
    let lag = tables.compactMap(\.lag).max()
    return [name] + counts.map { path in grouped(tables.reduce(0) { $0 + $1[keyPath: path] }) }
      + [seconds(elapsed ?? tables.first?.elapsed ?? .zero), lag.map(age) ?? "–"]
  }

  /// Rows of cells as lines, the first column to the left, the others to the right.
  static func aligned(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    var text = ""
    for row in rows {
      let cells = row.indices.map { column in
        let blanks = String(repeating: " ", count: widths[column] - row[column].count)
        return column == 0 ? row[column] + blanks : blanks + row[column]
      }
      text += cells.joined(separator: "  ") + "\n"
    }
    return text
  }

  /// `1,234,567`
  static func grouped(_ number: Int) -> String {
    var digits = Array(String(number.magnitude))
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: index)
      index -= 3
    }
    return (number < 0 ? "-" : "") + String(digits)
  }

  /// `0.1s`, `12.3s`, `754s`
  static func seconds(_ duration: Duration) -> String {
    let tenths = (max(.zero, duration) + .milliseconds(50)) / .milliseconds(100)
    return tenths < 1_000
      ? "\(Int(tenths) / 10).\(Int(tenths) % 10)s" : "\(grouped(Int(tenths) / 10))s"
  }

  /// `3s`, `12m`, `5h`, `9d`: how far behind, in the unit that says it best.
  static func age(_ duration: Duration) -> String {
    let seconds = max(0, duration.components.seconds)
    if seconds < 120 { return "\(seconds)s" }
    if seconds < 7_200 { return "\(seconds / 60)m" }
    if seconds < 172_800 { return "\(seconds / 3_600)h" }
    return "\(grouped(Int(seconds / 86_400)))d"
  }

  /// In lines of at most 80 characters, where words allow; what follows the first line stands further in.
  static func wrapped(_ sentence: String) -> String {
    var lines = ""
    var line = " "
    for word in sentence.split(separator: " ") {
      if line.count + 1 + word.count > 80, !line.allSatisfy({ $0 == " " }) {
        lines += line + "\n"
        line = "   "
      }
      line += " " + word
    }
    return lines + line + "\n"
  }

  /// So that names show as they are and cannot end a cell, begin a tag or make a link.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
      switch character {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\\", "|", "`", "*", "_", "[", "]", "#", "~", "$": escaped += "\\\(character)"
      default: escaped.append(character.isNewline ? " " : character)
      }
    }
    return escaped
  }
}
