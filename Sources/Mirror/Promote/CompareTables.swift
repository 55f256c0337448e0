import Supabase

extension Promotion {
  /// Compares every row of both sides, as `supamirror verify` does.
  func verify(_ sides: PromotionSides, _ report: inout PromotionReport) async throws(LaneStop) {
    guard sides.source != nil else {
      report.add(.verify, ["nothing can be compared: the source does not answer"])
      return
    }
    var surroundings = Verification.Surroundings(
      source: source, target: target, store: VerifyStore(), mirror: store.identity.name, log: log,
      clock: clock, now: now, state: { [store] in await store.state(of: $0) },
      progress: { [progress] table, rows, _ in
        progress(TableProgress(table: table, rows: rows))
      })
    surroundings.batchSize = settings.batchSize
    // What passes are still to bring need not be awaited.
    surroundings.settles = !options.isDryRun
    surroundings.width = Self.tablesTogether
    let found = await Verification(tables: tables, surroundings).run()
    if let stopped = found.stopped {
      throw found.stopKind == .project ? .project(stopped) : .interrupted
    }
    for table in found.tables {
      for sentence in sentences(table) { report.obstruct(.verify, sentence, isAcceptable: true) }
    }
    let rows = found.tables.reduce(0) { $0 + $1.targetRows }
    report.add(
      .verify,
      [
        "\(found.tables.count(where: \.isEqual)) of \(tables.count) tables are equal in every value "
          + "(\(ReportText.grouped(rows)) rows compared in \(ReportText.seconds(found.elapsed)))"
      ] + found.tables.flatMap { table in table.notes.map { "\(table.table): \($0)" } })
  }

  /// Those that differ are waited for side by side.
  private static let tablesTogether = 8

  private func sentences(_ table: TableVerification) -> [String] {
    if let failure = table.failure { return ["\(table.table) cannot be compared: \(failure)"] }
    let later = options.isDryRun ? ", before the passes that could mend it" : ""
    return TableVerification.Kind.allCases.filter { table[$0] > 0 }.map { kind in
      "\(table.table): \(ReportText.grouped(table[kind])) rows \(kind.rawValue), "
        + VerificationText.meaning(kind) + later
    }
  }
}
