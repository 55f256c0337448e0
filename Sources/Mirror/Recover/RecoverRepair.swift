import Supabase

extension RecoverRun {
  /// Carries out a plan: parents are written before children, and deleted after them.
  func repair(
    _ plan: RecoveryPlan, _ discovery: Discovery, _ report: inout RecoverReport
  ) async throws(LaneStop) {
    let levels = repairs(plan, discovery)
    var stop: LaneStop?
    do throws(LaneStop) {
      try await write(levels)
      try await delete(levels, discovery)
    } catch {
      stop = error
    }
    for repair in levels.joined() { report.repairs.append(await repair.report) }
    if let stop { throw stop }
  }

  private func repairs(_ plan: RecoveryPlan, _ discovery: Discovery) -> [[TableRepair]] {
    let surroundings = Lane.Surroundings(
      source: source, target: target, store: store, settings: settings, log: log,
      now: comparing.now, progress: { _ in })
    let circular = TableOrder.circular(
      discovery.plans.map(\.name), references: discovery.references)
    return discovery.levels.map { level in
      level.compactMap { name in
        guard let work = plan.tables.first(where: { $0.name == name }),
          let table = discovery.plans.first(where: { $0.name == name })
        else { return nil }
        let options = TableRepair.Options(
          mode: plan.mode, overwritesNewer: plan.overwritesNewer, width: settings.maxRequests,
          isCircular: circular.contains(name),
          progress: { [progress] in progress(.repair, $0, $1) })
        return TableRepair(
          work, options, Lane(table, surroundings, state: nil),
          TableComparison(table, way: .rows, comparing, hasLedger: false, record: nil))
      }
    }
  }

  private func write(_ levels: [[TableRepair]]) async throws(LaneStop) {
    for repair in levels.joined() { try await repair.write() }
    // Rows may need others of a later table, or of the same one.
    var helps = true
    while helps {
      helps = false
      for repair in levels.joined() where try await repair.retryRefused() { helps = true }
    }
  }

  private func delete(
    _ levels: [[TableRepair]], _ discovery: Discovery
  ) async throws(LaneStop) {
    try await awaitApproval(levels)
    // What refers to a table could be taken along by its deletes.
    var stuck = Set(allTables.map(\.name)).subtracting(discovery.plans.map(\.name))
    for repair in levels.joined() where await repair.hasLeftRows { stuck.insert(repair.plan.name) }
    for repair in levels.reversed().joined() {
      let blocked = DeleteReplay.parents(of: stuck, discovery.references)
      if await repair.report.held > 0 { continue }
      if blocked.contains(repair.plan.name) {
        await repair.hold(
          because: "a table that refers to it was not repaired to the end, and the target could "
            + "cascade to its rows; recover both, in one run")
      } else {
        try await repair.delete()
      }
      if await repair.hasLeftRows { stuck.insert(repair.plan.name) }
    }
  }

  private func awaitApproval(_ levels: [[TableRepair]]) async throws(LaneStop) {
    var waiting: [TableRepair] = []
    for repair in levels.joined() where try await repair.needsApproval() { waiting.append(repair) }
    guard !waiting.isEmpty, !options.approvesDeletes else { return }
    let counts = waiting.map {
      "\(ReportText.grouped($0.work.extra.count)) rows of \($0.plan.name)"
    }
    let reason = "more than SYNC_DELETE_LIMIT_ROWS or SYNC_DELETE_LIMIT_PERCENT"
    let isApproved = await approve(
      "Delete \(counts.joined(separator: ", ")) on the target, which the source does not have? That is "
        + reason)
    guard !isApproved else { return }
    for repair in waiting {
      await repair.hold(because: "\(reason); if that is right, say --yes")
    }
  }
}
