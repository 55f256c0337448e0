import Supabase

/// One pass over every configured table: rows first, parents before children; then the rows the target refused
/// before; then deletes, children before parents.
package struct Pass: Sendable {
  package let settings: Settings
  package let tables: [TableConfiguration]
  package let source: any MirroredProject
  package let target: any MirroredProject
  package let store: StateStore
  package let approval: DeleteApproval
  package let log: Log
  /// Microseconds since 2000-01-01.
  package let now: @Sendable () -> Int64
  /// The lanes to work in; they are the same from pass to pass where a daemon runs them.
  let lanes: Lanes
  /// Rows only, of some of the tables: deletes are left to whole passes.
  let isPartial: Bool
  /// Whether the target's sequences are to follow the source's.
  var carriesSequences = true
  let backfill: BackfillScope?
  /// Told what the pass found out, before its first row.
  let surveyed: @Sendable (Survey) async -> Void

  /// Tables whose lanes work at the same time.
  static let lanesAtOnce = 4

  /// - Parameters:
  ///   - now: microseconds since 2000-01-01.
  ///   - backfill: tables to copy whole; nil: those that `SYNC_INITIAL_BACKFILL_MS` says.
  package init(
    settings: Settings, tables: [TableConfiguration], source: any MirroredProject,
    target: any MirroredProject, store: StateStore, approval: DeleteApproval = .none,
    backfill: BackfillScope? = nil, log: Log = .none, now: @escaping @Sendable () -> Int64,
    progress: @escaping @Sendable (TableProgress) -> Void = { _ in }
  ) {
    self.init(
      tables: tables,
      Lane.Surroundings(
        source: source, target: target, store: store, settings: settings, log: log, now: now,
        progress: progress), approval: approval, backfill: backfill)
  }

  /// A pass in lanes of its own, or in those that are given.
  init(
    tables: [TableConfiguration], _ surroundings: Lane.Surroundings, lanes: Lanes? = nil,
    isPartial: Bool = false, approval: DeleteApproval = .none, backfill: BackfillScope? = nil,
    surveyed: @escaping @Sendable (Survey) async -> Void = { _ in }
  ) {
    settings = surroundings.settings
    self.tables = tables
    source = surroundings.source
    target = surroundings.target
    store = surroundings.store
    self.isPartial = isPartial
    self.approval = approval
    self.backfill = backfill
    log = surroundings.log
    now = surroundings.now
    self.lanes = lanes ?? Lanes(surroundings)
    self.surveyed = surveyed
  }

  /// Runs the pass. It always returns a report; what went wrong stands in it.
  package func run() async -> PassReport {
    let clock = ContinuousClock()
    let start = clock.now
    var report = PassReport()
    var lanes: [Lane] = []
    var feedOnly: [Lane] = []
    do throws(LaneStop) {
      let survey = try await Survey.take(self)
      report.tables = survey.failed
      report.unmirrored = survey.unmirrored
      for table in survey.failed where table.failure != nil {
        try await self.lanes.park(table.table)
      }
      for plan in survey.plans {
        lanes.append(try await self.lanes.begin(plan, survey.triggers(of: plan.name)))
      }
      for plan in survey.feedOnly {
        feedOnly.append(try await self.lanes.begin(plan, survey.triggers(of: plan.name)))
      }
      await surveyed(survey)
      try await copy(survey, lanes, &report)
      try await Self.retryQuarantine([feedOnly])
    } catch {
      report.note(error)
    }
    let isWhole = !isPartial && report.stopped == nil
    for lane in lanes { report.tables.append(await lane.finishReport(isWhole: isWhole)) }
    for lane in feedOnly { report.add(feedOnly: await lane.finishReport(isWhole: isWhole)) }
    let order = Dictionary(
      tables.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    report.tables.sort { order[$0.table] ?? 0 < order[$1.table] ?? 0 }
    report.elapsed = clock.now - start
    return report
  }

  private func copy(
    _ survey: Survey, _ lanes: [Lane], _ report: inout PassReport
  ) async throws(LaneStop) {
    let byName = Dictionary(lanes.map { ($0.plan.name, $0) }, uniquingKeysWith: { a, _ in a })
    let levels = TableOrder.levels(lanes.map(\.plan.name), references: survey.references)
      .map { $0.compactMap { byName[$0] } }
    var snapshot: Ledger.Snapshot?
    do throws(LaneStop) {
      snapshot = try await survey.ledgerSnapshot(
        levels.map { $0.map(\.plan.name) }, settings.batchSize)
    } catch .table(let sentence) {
      // Rows can be copied all the same.
      report.unmirrored.append("deletes are not mirrored: \(sentence)")
    }
    if snapshot?.cut.isEmpty == false {
      report.unmirrored.append(
        "the ledger has more than \(Ledger.mostEntries) entries; run another pass for the rest")
    }
    let circular = TableOrder.circular(lanes.map(\.plan.name), references: survey.references)
    for lane in lanes { await lane.awaitCopy(backfill) }
    for level in levels {
      try await together(level) { lane throws(LaneStop) in
        let isCircular = circular.contains(lane.plan.name)
        try await lane.run { lane throws(LaneStop) in
          try await lane.copyWhole(survey.limits, backfill, isCircular: isCircular)
        }
      }
    }
    // What has changed meanwhile, in all tables close together: rows and what they need may be new.
    let limits = try await limits(survey, lanes)
    for level in levels {
      try await together(level) { lane throws(LaneStop) in
        try await lane.run { lane throws(LaneStop) in
          try await lane.reconcile(limits)
          lane.noteEnd()
        }
      }
    }
    try await Self.retryQuarantine(levels)
    if let ledger = survey.ledger, let snapshot {
      let failed = Set(survey.failed.filter { $0.failure != nil }.map(\.table))
      let deletes = DeleteReplay(
        ledger: ledger, snapshot: snapshot, approval: approval, references: survey.references,
        failed: failed)
      if try await deletes.run(levels) { try await Self.retryQuarantine(levels) }
      if !snapshot.ids.isEmpty { try await prune(ledger) }
    } else if !settings.deletes, !isPartial {
      for lane in lanes {
        try await lane.run { lane throws(LaneStop) in try await lane.holdNothing() }
      }
    }
    async let counted = attempt { () async throws(LaneStop) in
      try await together(lanes) { lane throws(LaneStop) in
        try await lane.run { lane throws(LaneStop) in try await lane.countJSONNulls() }
      }
    }
    var carried: Result<Void, LaneStop> = .success(())
    if survey.knowsSequences, carriesSequences, !isPartial {
      do throws(LaneStop) {
        try await carrySequences(lanes, &report)
      } catch {
        carried = .failure(error)
      }
    }
    try await counted.get()
    try carried.get()
  }

  /// How far checkpoints may go now.
  private func limits(
    _ survey: Survey, _ lanes: [Lane]
  ) async throws(LaneStop) -> PassLimits {
    for lane in lanes where await lane.hasCopiedWhole {
      // That may have taken days.
      return try await survey.limitsNow(self)
    }
    return survey.limits
  }

  private func prune(_ ledger: Ledger) async throws(LaneStop) {
    do throws(LaneStop) {
      try await ledger.prune()
    } catch .table(let sentence) {
      log.warning("ledger not pruned", ["reason": sentence])
    }
  }

  /// Tries refused rows again, parents before children, for as long as that heals any: a row whose parent has
  /// just been written, a unique value that has just become free.
  private static func retryQuarantine(_ levels: [[Lane]]) async throws(LaneStop) {
    var healed = 1
    while healed > 0 {
      healed = 0
      for lane in levels.joined() {
        healed +=
          try await lane.run { lane throws(LaneStop) in
            lane.state.quarantine.isEmpty ? 0 : try await lane.retryQuarantine()
          } ?? 0
      }
    }
  }

  /// Runs the lanes a few at a time. The first stop that concerns all of them ends the others.
  private func together(
    _ lanes: [Lane], _ work: @escaping @Sendable (Lane) async throws(LaneStop) -> Void
  ) async throws(LaneStop) {
    let lanesAtOnce = min(Self.lanesAtOnce, settings.maxRequests)
    let stop = await withTaskGroup(of: LaneStop?.self) { group in
      var waiting = lanes[...]
      func begin(_ lane: Lane) {
        group.addTask {
          do throws(LaneStop) {
            try await work(lane)
            return nil
          } catch {
            return error
          }
        }
      }
      for lane in waiting.prefix(lanesAtOnce) { begin(lane) }
      waiting = waiting.dropFirst(lanesAtOnce)
      var first: LaneStop?
      for await stop in group {
        if let stop, first == nil {
          first = stop
          group.cancelAll()
        }
        if first == nil, let lane = waiting.popFirst() { begin(lane) }
      }
      return first
    }
    if let stop { throw stop }
  }
}

extension PassReport {
  /// What became of rows that only the feed brings, in the report of a table that passes leave out.
  mutating func add(feedOnly report: TableReport) {
    guard let index = tables.firstIndex(where: { $0.table == report.table }) else { return }
    tables[index].failure = report.failure
    tables[index].quarantined = report.quarantined
    tables[index].quarantineReason = report.quarantineReason
    tables[index].leftOut = report.leftOut
    tables[index].unmirrored = report.unmirrored
  }

  mutating func note(_ stop: LaneStop) {
    switch stop {
    case .table(let sentence), .project(let sentence):
      stopped = sentence
      stopKind = .project
    case .configuration(let sentence):
      stopped = sentence
      stopKind = .configuration
    case .state(let sentence):
      stopped = sentence
      stopKind = .here
    case .interrupted:
      stopped = "interrupted; what was copied is kept and nothing is lost"
      stopKind = .here
    }
  }
}
