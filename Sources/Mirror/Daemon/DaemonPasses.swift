import Supabase

/// What became of the passes so far.
struct PassRecord: Sendable {
  var status = PassStatus()
  /// Of the last whole pass.
  var report = PassReport()
  /// The last report of each table, whole pass or not.
  var tables: [TableName: TableReport] = [:]
  var reconciledAt: [TableName: Int64] = [:]
  /// What a person was told already.
  var problems: Set<String> = []
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
    // What a cancelled pass says of itself, the log says once.
    guard !Task.isCancelled else { return }
    note(report, isPartial: only != nil, began: began)
    schedule.end(only, began: began, at: elapsed(), isDone: report.stopped == nil)
    guard only == nil else { return }
    guard report.stopped == nil else { return await perform(health.passFailed(at: elapsed())) }
    let failed = report.tables.filter { $0.failure != nil }
    let left = Set(failed.compactMap { feedPlan?.channelOf[$0.table] })
    await perform(health.passEnded(began: began, left: left, at: elapsed()))
  }

  private func note(_ report: PassReport, isPartial: Bool, began: Duration) {
    let now = surroundings.now()
    passes.status.count += 1
    passes.status.lastEnd = now
    passes.status.lastElapsed = report.elapsed
    passes.status.lastExitCode = report.exitCode
    if report.stopped != nil { passes.status.failedCount += 1 }
    for table in report.tables {
      passes.tables[table.table] = table
      if table.failure == nil, report.stopped == nil { passes.reconciledAt[table.table] = now }
    }
    guard !isPartial else { return }
    if report.exitCode == .clean { passes.status.lastClean = now }
    passes.report = report
    for table in report.tables where table.failure == nil && report.stopped == nil {
      reconciledFrom[table.table] = began
    }
    say(Attention(report).problems)
    surroundings.log.debug(
      "pass ended",
      [
        "exit_code": "\(report.exitCode.rawValue)", "elapsed": "\(report.elapsed)",
        "rows.read": "\(report.tables.reduce(0) { $0 + $1.read })",
        "rows.upserted": "\(report.tables.reduce(0) { $0 + $1.upserted })",
        "rows.deleted": "\(report.tables.reduce(0) { $0 + $1.deleted })",
      ])
  }

  /// Says what is new; what a person was told stays said until it has gone.
  private func say(_ problems: [String]) {
    for problem in problems where !passes.problems.contains(problem) {
      surroundings.log.warning("needs attention", ["reason": problem])
    }
    if problems.isEmpty, !passes.problems.isEmpty {
      surroundings.log.info("everything is mirrored again")
    }
    passes.problems = Set(problems)
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
        if !settings.deletes {
          .off
        } else if !parents.contains(plan.name) {
          .atOnce
        } else {
          survey.ledger == nil ? .never : .inPass
        }
      await lanes.lane(of: plan.name)?.setDeletes(deletes)
      if wanted.contains(plan.name) { followed.append(plan) }
    }
    await lanes.keep(Set(tables.map(\.name)))
    guard let feed = surroundings.feed else { return }
    let hasMarker = survey.hasMarker && !refusedTables.contains(Marker.table)
    let plan = FeedPlan(
      followed.filter { !refusedTables.contains($0.name) }, hasMarker: hasMarker)
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
    feedPlan = plan
    witnesses = [:]
    for channel in plan.channels where hasMarker {
      witnesses[channel.name] = FeedWitness(interval: settings.heartbeatInterval)
    }
    let actions = health.reset(channels: plan.channels, hasMarker: hasMarker, at: elapsed())
    await feed.setChannels(plan.channels)
    await perform(actions)
    await feedAlarm.ring()
  }
}
