import Supabase

/// A status for a terminal and for the log: compact, at most 100 columns, but where a URL is longer.
package struct StatusText: Sendable {
  private let status: MirrorStatus
  private let now: Int64

  package init(_ status: MirrorStatus) {
    self.status = status
    now = status.takenAt
  }

  static let width = 100

  /// Ends with a line end.
  package var plain: String { text(isColoured: false) }

  /// With the verdict in its colour, for a terminal.
  package var coloured: String { text(isColoured: true) }

  private func text(isColoured: Bool) -> String {
    let verdict = Verdict(status)
    var text = verdict.headline + "\n"
    if isColoured { text = "\(verdict.level.colour)\(verdict.headline)\u{1B}[0m\n" }
    if !verdict.detail.isEmpty { text += Self.wrapped(verdict.detail, indent: "") }
    text += "\n" + facts
    if !status.tables.isEmpty { text += "\n" + table }
    for (title, sentences) in [("Needs attention", problems), ("Notes", status.notes)]
    where !sentences.isEmpty {
      text += "\n\(title):\n"
      for sentence in sentences { text += Self.wrapped(LogLine.printable(sentence)) }
    }
    return text
  }

  /// And what stands at the tables alone.
  private var problems: [String] {
    let ofTables = status.tables.flatMap { table in
      [table.failure, table.feedProblem.isEmpty ? nil : table.feedProblem].compactMap(\.self)
        .map { "\(table.name): \($0)" } + table.unmirrored.map { "\(table.name): \($0)" }
    }
    return status.problems + ofTables.filter { !status.problems.contains($0) }
  }

  private var facts: String {
    var lines: [(String, String)] = [
      (
        "mirror",
        "\(status.mirror), up \(SpokenTime.span(from: status.startedAt, to: now)), "
          + "supamirror \(status.version)"
      ),
      ("source", Self.project(status.source, now)), ("target", Self.project(status.target, now)),
      ("feed", feed), ("pass", pass),
    ]
    if let lag = status.lag {
      let limit = SpokenTime.duration(status.lagLimit)
      lines.append(("lag", "\(SpokenTime.duration(lag)) (limit \(limit))"))
    }
    for table in status.tables {
      if let copying = table.copying {
        lines.append(("copying", "\(table.name): \(copying.sentence)"))
      }
    }
    if let proven { lines.append(("proven", proven)) }
    return lines.map { name, fact in
      let blanks = String(repeating: " ", count: 8 - name.count)
      return Self.wrapped(name + blanks + LogLine.printable(fact), indent: "", rest: "        ")
    }.joined()
  }

  /// By comparing all rows; nil where no table was compared.
  private var proven: String? {
    let verified = status.tables.compactMap(\.verified)
    guard let oldest = verified.filter(\.isEqual).map(\.time).min() ?? verified.map(\.time).min()
    else { return nil }
    let equal = verified.count(where: \.isEqual)
    let age = SpokenTime.age(of: oldest, at: now)
    if equal == status.tables.count { return "all rows of all tables equal as of \(age)" }
    let drift = verified.reduce(0) { $0 + $1.drift }
    return "\(equal) of \(status.tables.count) tables equal in all rows"
      + (equal > 0 ? " as of \(age)" : "")
      + (drift > 0 ? "; \(ReportText.grouped(drift)) rows differ" : "")
  }

  private static func project(_ project: ProjectStatus, _ now: Int64) -> String {
    guard let since = project.downSince else { return "\(project.url), up" }
    return "\(project.url), unreachable \(SpokenTime.since(since, at: now))"
      + (project.problem.isEmpty ? "" : ": \(project.problem)")
  }

  private var feed: String {
    let feed = status.feed
    if feed.state == .off { return "off" }
    var parts = ["\(feed.state.rawValue) \(SpokenTime.since(feed.since, at: now))"]
    if !feed.problem.isEmpty, feed.state != .live { parts[0] += ": \(feed.problem)" }
    if let proof = feed.lastProof {
      parts.append("last proof \(SpokenTime.age(of: proof, at: now))")
    }
    parts.append("\(ReportText.grouped(feed.events)) events")
    if feed.gapsHealed > 0 {
      let last = feed.lastHealing.map { " (last in \(SpokenTime.duration($0)))" } ?? ""
      parts.append("\(ReportText.grouped(feed.gapsHealed)) gaps healed\(last)")
    }
    for (count, noun) in [(feed.missedRows, "missed rows"), (feed.oddFrames, "odd frames")]
    where count > 0 {
      parts.append("\(ReportText.grouped(count)) \(noun)")
    }
    return parts.joined(separator: "; ")
  }

  private var pass: String {
    let pass = status.pass
    var parts = ["\(ReportText.grouped(pass.count)) ended"]
    if pass.failedCount > 0 { parts.append("\(ReportText.grouped(pass.failedCount)) failed") }
    if let end = pass.lastEnd {
      var last = "last \(SpokenTime.age(of: end, at: now))"
      if let elapsed = pass.lastElapsed { last += " in \(SpokenTime.duration(elapsed))" }
      if let code = pass.lastExitCode { last += ", \(code.outcome)" }
      parts.append(last)
    }
    if pass.lastExitCode != .clean, let clean = pass.lastClean {
      parts.append("last clean \(SpokenTime.age(of: clean, at: now))")
    }
    if pass.isRunning { parts.append("one runs now") }
    return parts.joined(separator: "; ")
  }

  private static let headings = [
    "table", "feed", "lag", "written", "deleted", "held", "quarantined", "waiting", "checked",
  ]

  /// Counts have at most nine characters, so that only names need cutting.
  private var table: String {
    let rows = [Self.headings] + status.tables.map(row)
    var widths = Self.headings.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let others = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
    widths[0] = min(widths[0], Self.width - others)
    return rows.map { row in
      row.indices.map { column in
        let cell = column == 0 ? Self.cut(row[0], to: widths[0]) : row[column]
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        return column < 2 ? cell + blanks : blanks + cell
      }.joined(separator: "  ") + "\n"
    }.joined()
  }

  private func row(_ table: TableStatus) -> [String] {
    [
      LogLine.printable(table.name.description),
      table.failure == nil ? table.feed.rawValue : "STOPPED",
      table.lag.map(SpokenTime.duration) ?? "–",
    ]
      + [table.upserted, table.deleted, table.held, table.quarantined, table.waiting].map(
        Self.short)
      + [table.lastReconcile.map { SpokenTime.span(from: $0, to: now) } ?? "–"]
  }

  /// `9,999,999`, `12.3M`, `4,567M`
  static func short(_ count: Int) -> String {
    if count < 10_000_000 { return ReportText.grouped(count) }
    if count < 1_000_000_000 { return "\(count / 1_000_000).\(count / 100_000 % 10)M" }
    return "\(ReportText.grouped(count / 1_000_000))M"
  }

  /// Shortened in the middle: both ends tell tables apart.
  private static func cut(_ name: String, to width: Int) -> String {
    if name.count <= width { return name }
    let rest = max(0, width - 1)
    return name.prefix(rest / 2) + "…" + name.suffix(rest - rest / 2)
  }

  static func wrapped(_ sentence: String, indent: String = "  ", rest: String? = nil) -> String {
    let rest = rest ?? (indent.isEmpty ? "" : indent + "  ")
    var lines = ""
    var line = indent
    var isEmpty = true
    for word in sentence.split(separator: " ", omittingEmptySubsequences: false) {
      if !isEmpty, line.count + 1 + word.count > width {
        lines += line + "\n"
        line = rest
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + line + "\n"
  }
}

extension ExitCode {
  /// What a pass that ends so has done.
  var outcome: String {
    switch self {
    case .clean: "everything is mirrored"
    case .incomplete: "not everything is mirrored"
    case .configuration: "the configuration is wrong"
    case .project: "a project could not be used"
    }
  }
}

extension Verdict.Level {
  fileprivate var colour: String {
    switch self {
    case .good: "\u{1B}[1;32m"
    case .busy: "\u{1B}[1;36m"
    case .warning: "\u{1B}[1;33m"
    case .bad: "\u{1B}[1;31m"
    }
  }
}
