import Supabase

/// What became of the passes so far.
struct PassRecord: Sendable {
  var status = PassStatus()
  /// Of the last whole pass.
  var report = PassReport()
  /// The last report of each table, whole pass or not.
  var tables: [TableName: TableReport] = [:]
  var reconciledAt: [TableName: Int64] = [:]
  var problems = ProblemLog()
}

extension Daemon {
  func runPass() async {
    let began = elapsed()
    let only = schedule.begin(at: began)
    if only == nil { health.passBegan(at: began) }
    let chosen = only.map { only in tables.filter { only.contains($0.name) } } ?? tables
    passes.status.isRunning = true
    passes.status.lastStart = surroundings.now()
    let pass = Pass(
      tables: chosen, lanes.surroundings, lanes: lanes, isPartial: only != nil,
      approval: only == nil ? surroundings.takeApproval() : .none,
      surveyed: { await self.surveyed($0, isPartial: only != nil) })
    let report = await pass.run()
    passes.status.isRunning = false
    // A cancelled pass has nothing to say.
    guard !Task.isCancelled else { return }
    note(report, isPartial: only != nil, began: began)
    let failed = report.tables.filter { $0.failure != nil }
    // A table that stopped is tried again by the next regular pass, where there is one.
    let isDone = report.stopped == nil && (settings.loop || failed.isEmpty)
    schedule.end(only, began: began, at: elapsed(), isDone: isDone)
    guard only == nil else { return }
    guard report.stopped == nil else { return await perform(health.passFailed(at: elapsed())) }
    let left = Set(failed.compactMap { feedPlan?.channelOf[$0.table] })
    await perform(health.passEnded(began: began, left: left, at: elapsed()))
  }

  private func note(_ report: PassReport, isPartial: Bool, began: Duration) {
    let now = surroundings.now()
    passes.status.count += 1
    passes.status.lastEnd = now
    passes.status.lastElapsed = report.elapsed
    if report.stopped != nil { passes.status.failedCount += 1 }
    for table in report.tables {
      passes.tables[table.table] = table
      if table.failure == nil, report.stopped == nil { passes.reconciledAt[table.table] = now }
    }
    guard !isPartial else { return }
    passes.status.lastExitCode = report.exitCode
    if report.exitCode == .clean { passes.status.lastClean = now }
    passes.report = report
    for table in report.tables where table.failure == nil && report.stopped == nil {
      reconciledFrom[table.table] = began
    }
    for line in passes.problems.take(Attention(report).problems, at: elapsed()) {
      surroundings.log.write(line)
    }
    surroundings.log.debug(
      "pass ended",
      [
        "exit_code": "\(report.exitCode.rawValue)", "elapsed": "\(report.elapsed)",
        "rows.read": "\(report.tables.reduce(0) { $0 + $1.read })",
        "rows.upserted": "\(report.tables.reduce(0) { $0 + $1.upserted })",
        "rows.deleted": "\(report.tables.reduce(0) { $0 + $1.deleted })",
      ])
  }

  /// What a pass found out before its first row: which lanes there are, and what the feed is to be asked for.
  private func surveyed(_ survey: Survey, isPartial: Bool) async {
    guard !isPartial else { return }
    let parents = Set(
      survey.references.flatMap { child, parents in parents.filter { $0 != child } })
    var followed: [TablePlan] = []
    let wanted = Set(tables.filter(\.realtime).map(\.name))
    for plan in survey.plans + survey.feedOnly {
      let deletes: FeedDeletes =
        if settings.deletes { parents.contains(plan.name) ? .inPass : .atOnce } else { .off }
      await lanes.lane(of: plan.name)?.setDeletes(deletes, hasLedger: survey.ledger != nil)
      if wanted.contains(plan.name) { followed.append(plan) }
    }
    let kept = Set(tables.map(\.name))
    await lanes.keep(kept)
    // A table that comes back has not been reconciled since.
    let begun = Set((survey.plans + survey.feedOnly).map(\.name))
    reconciledFrom = reconciledFrom.filter { begun.contains($0.key) }
    passes.tables = passes.tables.filter { kept.contains($0.key) }
    passes.reconciledAt = passes.reconciledAt.filter { kept.contains($0.key) }
    guard let feed = surroundings.feed else { return }
    let hasMarker = survey.hasMarker && !refusedTables.contains(Marker.table)
    let plan = FeedPlan(
      followed.filter { !refusedTables.contains($0.name) }, hasMarker: hasMarker, after: feedPlan)
    guard plan != feedPlan else { return }
    if !hasMarker, feedPlan == nil {
      surroundings.log.warning(
        "the feed cannot be proven",
        [
          "reason":
            "public.sync_heartbeat is missing at the source or the target; apply the output "
            + "of `supamirror migration` to both projects"
        ])
    }
    witnesses = renewedWitnesses(plan, hasMarker: hasMarker)
    feedPlan = plan
    let actions = health.reset(channels: plan.channels, hasMarker: hasMarker, at: elapsed())
    await feed.setChannels(plan.channels)
    await perform(actions)
  }

  /// Channels that stay as they are keep theirs. It has to remember what was signalled since the last pass.
  private func renewedWitnesses(_ plan: FeedPlan, hasMarker: Bool) -> [String: FeedWitness] {
    guard hasMarker else { return [:] }
    let known = Set(feedPlan?.channels ?? [])
    let span = max(settings.heartbeatInterval, settings.reconcileInterval)
    var witnesses: [String: FeedWitness] = [:]
    for channel in plan.channels {
      let last = known.contains(channel) ? self.witnesses[channel.name] : nil
      witnesses[channel.name] = last ?? FeedWitness(interval: span)
    }
    return witnesses
  }
}
