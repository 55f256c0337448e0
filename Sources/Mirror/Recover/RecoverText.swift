import Supabase

/// A recovery as people read it, phase by phase.
package enum RecoverText {
  /// What a phase found or did. Ends with a line end.
  /// - Parameter isVerbose: with everything that the comparisons tell.
  package static func phase(
    _ phase: RecoverPhase, _ report: RecoverReport, isVerbose: Bool = false
  ) -> String {
    let time = report.times[phase].map { ", \(ReportText.seconds($0))" } ?? ""
    let text: String
    switch phase {
    case .discovery: text = "Discovery\(time)\n" + discovery(report)
    case .analysis:
      text =
        "Analysis\(time)\n" + (report.analysis.map { found($0, report.problems, isVerbose) } ?? "")
    case .plan: text = report.plan.map(plan) ?? ""
    case .repair: text = "Repair\(time)\n" + repairs(report)
    case .verification:
      text =
        "Verification\(time)\n"
        + (report.verification.map { indented(VerificationText($0).plain) } ?? "")
    }
    return text + "\n"
  }

  private static func discovery(_ report: RecoverReport) -> String {
    let rows = report.discovered.map { table in
      [LogLine.printable(table.table.description)]
        + [table.source, table.target].map { $0.map { "~\(ReportText.grouped($0))" } ?? "?" }
    }
    var text = rows.isEmpty ? "" : aligned([["table", "source", "target"]] + rows)
    for problem in report.problems { text += ReportText.wrapped(LogLine.printable(problem)) }
    return text
  }

  private static func found(
    _ report: VerificationReport, _ problems: [String], _ isVerbose: Bool
  ) -> String {
    if isVerbose { return indented(VerificationText(report).plain) }
    let kinds: [TableVerification.Kind] = [.missing, .different, .extra]
    let rows = report.tables.map { table in
      [LogLine.printable(table.table.description)]
        + ([table.sourceRows, table.targetRows] + kinds.map { table[$0] }).map(ReportText.grouped)
        + [ReportText.seconds(table.elapsed)]
    }
    var text =
      rows.isEmpty
      ? ""
      : aligned([["table", "source", "target", "missing", "different", "extra", "time"]] + rows)
    for table in report.tables {
      if let failure = table.failure, !problems.contains(failure) {
        text += ReportText.wrapped(LogLine.printable("\(table.table): \(failure)"))
      }
      if table[.uncarried] > 0 {
        text += ReportText.wrapped(
          "\(table.table): \(ReportText.grouped(table[.uncarried])) rows differ in what JSON cannot carry, "
            + "and cannot be repaired")
      }
    }
    return text
  }

  private static func plan(_ plan: RecoveryPlan) -> String {
    let rows = plan.tables.map { table in
      [LogLine.printable(table.name.description)]
        + [
          table.missingRows, table.runs.count, table.different.count, table.extra.count,
          table.newer,
        ].map(ReportText.grouped)
    }
    guard !rows.isEmpty else { return "Plan: nothing is to be done\n" }
    var text =
      "Plan, made \(SpokenTime.stamp(plan.madeAt)): \(ReportText.grouped(plan.rows)) rows\n"
      + aligned(
        [["table", "insert", "in ranges", "overwrite", "delete", "left, newer on target"]] + rows)
    if plan.left > 0 {
      text += ReportText.wrapped(
        "\(ReportText.grouped(plan.left)) further rows have no room in one plan; recover again "
          + "afterwards")
    }
    return text
  }

  private static func repairs(_ report: RecoverReport) -> String {
    let rows = report.repairs.map { repair in
      [LogLine.printable(repair.table.description)]
        + [
          repair.inserted, repair.overwritten, repair.deleted, repair.newer,
          repair.alreadyEqual + repair.gone + repair.present + repair.kept,
          repair.held + repair.refused,
        ].map(ReportText.grouped)
        + [ReportText.seconds(repair.elapsed), ReportText.grouped(repair.rowsPerSecond)]
    }
    var text =
      rows.isEmpty
      ? ""
      : aligned(
        [
          [
            "table", "inserted", "overwritten", "deleted", "newer on target", "changed since",
            "held or refused", "time", "rows/s",
          ]
        ] + rows)
    for sentence in sentences(report.repairs) {
      text += ReportText.wrapped(LogLine.printable(sentence))
    }
    return text
  }

  /// What needs a person.
  static func sentences(_ repairs: [RepairReport]) -> [String] {
    var sentences: [String] = []
    for repair in repairs {
      if let failure = repair.failure { sentences.append("\(repair.table): \(failure)") }
      for (count, meaning) in [
        (repair.newer, "newer on the target, and left as they are"),
        (repair.held, "not deleted: \(repair.heldReason)"),
        (repair.refused, "refused by the target: \(repair.refusedReason)"),
      ] where count > 0 {
        sentences.append("\(repair.table): \(ReportText.grouped(count)) rows are \(meaning)")
      }
    }
    return sentences
  }

  /// How it ended, in one line.
  package static func verdict(_ report: RecoverReport) -> String {
    if let stopped = report.stopped { return "Stopped: \(stopped).\n" }
    let done =
      "\(ReportText.grouped(report.inserted)) rows inserted, "
      + "\(ReportText.grouped(report.overwritten)) overwritten, "
      + "\(ReportText.grouped(report.deleted)) deleted"
    if report.verification != nil {
      return report.isEqual
        ? "Recovered: \(done); both sides are equal.\n"
        : "Not equal yet: \(done)\(rest(report)).\n"
    }
    if report.isEqual { return "Equal already: nothing is to be recovered.\n" }
    if let plan = report.plan, report.extent == .plan {
      return "Nothing was changed: \(ReportText.grouped(plan.rows)) rows would be repaired.\n"
    }
    if report.extent == .analysis { return "Not equal; nothing was changed.\n" }
    return "Not equal, and nothing that this run may do would change it\(rest(report)).\n"
  }

  private static func rest(_ report: RecoverReport) -> String {
    let found = report.verification ?? report.analysis
    let extra = found?.tables.reduce(0) { $0 + $1[.extra] } ?? 0
    let newer = report.plan.map { report.sum(\.newer) + $0.newer } ?? 0
    var text = ""
    if extra > 0, report.plan?.deletesExtra != true {
      text += "; \(ReportText.grouped(extra)) rows only the target has (--delete-extra)"
    }
    if newer > 0 {
      text += "; \(ReportText.grouped(newer)) rows are newer on the target (--overwrite-newer)"
    }
    return text
  }

  private static func aligned(_ rows: [[String]]) -> String {
    indented(ReportText.aligned(rows))
  }

  private static func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "  \($0)" }.joined(separator: "\n")
  }
}
