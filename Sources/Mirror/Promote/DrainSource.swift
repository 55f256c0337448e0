import JSON
import Supabase

extension Promotion {
  /// Copies what the source still has, until a pass finds nothing new; or says what is lost without the source.
  func drain(
    _ sides: PromotionSides, _ report: inout PromotionReport
  ) async throws(LaneStop) {
    guard let source = sides.source else { return await stateLoss(&report) }
    if options.isDryRun {
      report.add(
        .drain,
        ["passes would run until one finds nothing new; writes at the source must have stopped"]
      )
    } else {
      try await runPasses(&report)
    }
    try await findOpenTransactions(source, &report)
  }

  private func runPasses(_ report: inout PromotionReport) async throws(LaneStop) {
    var written = 0
    var deleted = 0
    var passes = 0
    var new = 1
    var last = PassReport()
    while new > 0, passes < Self.mostPasses {
      var pass = Pass(
        settings: settings, tables: tables, source: source, target: target, store: store, log: log,
        now: now, progress: progress)
      pass.carriesSequences = false
      last = await pass.run()
      passes += 1
      if last.stopped != nil { throw Self.stop(last) }
      let counts = last.tables.reduce(into: RowCounts()) { $0.add($1) }
      written += counts.upserted
      deleted += counts.deleted
      new = counts.upserted + counts.deleted
    }
    let work =
      "\(passes) \(passes == 1 ? "pass" : "passes"): \(ReportText.grouped(written)) rows written, "
      + "\(ReportText.grouped(deleted)) deleted"
    if new > 0 {
      report.add(.drain, ["\(work), and rows keep coming"])
      report.obstruct(
        .drain,
        "the last of \(passes) passes still found \(ReportText.grouped(new)) changed rows: stop whatever "
          + "writes at the source and promote again; what is written after the last pass is lost",
        isAcceptable: true)
    } else {
      report.add(
        .drain, ["\(work); the last one found nothing new (writes at the source must have stopped)"]
      )
    }
    for problem in Attention(last).problems {
      report.obstruct(.drain, problem, isAcceptable: true)
    }
  }

  private static func stop(_ report: PassReport) -> LaneStop {
    let sentence = report.stopped ?? ""
    return switch report.stopKind {
    case .project: .project(sentence)
    case .configuration: .configuration(sentence)
    case .here: .state(sentence)
    }
  }

  /// Rows that are not committed yet are in no pass.
  private func findOpenTransactions(
    _ catalogue: Catalogue, _ report: inout PromotionReport
  ) async throws(LaneStop) {
    guard catalogue.functions.contains("sync_horizon"), let table = tables.first else { return }
    let answer: (horizon: [UInt8], clock: Int?)
    do throws(PostgRESTError) {
      let clock = try await source.read(
        ReadQuery(table: table.name, columns: [table.primaryKeys[0]], limit: 1)
      ).serverDate
      answer = (
        try await source.rpc("sync_horizon", schema: "public", arguments: Array("{}".utf8)), clock
      )
    } catch {
      // It is only one more look: tables that cannot be read are told by what compares them.
      guard case .table = LaneStop(error) else { throw LaneStop(error) }
      return
    }
    guard let clock = answer.clock,
      let horizon = (try? JSONToken(checking: answer.horizon))?.string.flatMap(
        TimeText.microseconds)
    else { return }
    let age = Int64(clock) + TimeText.unixEpoch / 1_000_000 - horizon / 1_000_000
    guard age > Self.transactionAge else { return }
    report.obstruct(
      .drain,
      "a transaction that began \(ReportText.grouped(Int(age))) seconds ago is still open at the source: "
        + "what it writes would be lost; end it (select pid, xact_start, query from pg_stat_activity "
        + "order by xact_start) and promote again", isAcceptable: true)
  }

  /// Seconds. The horizon lies some behind the clock even where nothing runs.
  private static let transactionAge: Int64 = 20

  private func stateLoss(_ report: inout PromotionReport) async {
    var states: [TableName: TableState] = [:]
    for table in tables { states[table.name] = await store.state(of: table.name) }
    let loss = KnownLoss(tables.map(\.name), states: states, status: circumstances.status)
    report.add(.drain, ["nothing can be copied: the source does not answer"])
    for sentence in loss.sentences(now: now()) {
      report.obstruct(.drain, sentence, isAcceptable: true)
    }
  }
}
