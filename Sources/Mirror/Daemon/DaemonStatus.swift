import Supabase

extension Daemon {
  /// Everything an operator may ask, now; it waits for no project.
  package func status() async -> MirrorStatus {
    let (source, target) = surroundings.projects()
    var status = MirrorStatus(
      version: Version.current, mirror: surroundings.store.identity.name, source: source,
      target: target, startedAt: startedAt, takenAt: surroundings.now(), feed: await feedStatus(),
      pass: passes.status, tables: [], lagLimit: settings.lagLimit)
    status.reconcileInterval = settings.reconcileInterval
    status.heartbeatInterval = settings.heartbeatInterval
    let verified = await surroundings.verified()
    for table in tables {
      var part = await tableStatus(table)
      part.verified = verified[table.name].map(VerifiedStatus.init)
      status.tables.append(part)
    }
    status.lags = lags.samples
    let attention = Attention(passes.report)
    status.problems = attention.problems + status.tables.compactMap(Self.drift)
    status.notes = attention.notes
    return status
  }

  private static func drift(_ table: TableStatus) -> String? {
    guard let drift = table.verified?.drift, drift > 0 else { return nil }
    let name = LogLine.printable(table.name.description)
    return
      "\(name): \(ReportText.grouped(drift)) \(drift == 1 ? "row" : "rows") differed from the source's when all were compared last; "
      + "run: supamirror verify"
  }

  private func feedStatus() async -> FeedStatus {
    guard let feed = surroundings.feed, feedPlan?.channels.isEmpty != true else {
      return FeedStatus(state: .off, since: startedAt)
    }
    var status = health.status(at: elapsed(), startedAt: startedAt)
    status.oddFrames = await feed.oddFrames
    return status
  }

  private func tableStatus(_ table: TableConfiguration) async -> TableStatus {
    var status = TableStatus(name: table.name, feed: .off)
    if surroundings.feed != nil, table.realtime {
      if let channel = feedPlan?.channelOf[table.name] {
        (status.feed, status.feedProblem) = health.status(of: channel, at: elapsed())
      } else {
        status.feed = refusedTables.contains(table.name) ? .refused : .joining
      }
    }
    if let lane = await lanes.lane(of: table.name) {
      let part = await lane.status
      status.read = part.counts.read
      status.upserted = part.counts.upserted
      status.unchanged = part.counts.unchanged
      status.deleted = part.counts.deleted
      status.waiting = part.waiting
      status.held = part.held
      status.copying = part.copying
      status.quarantined = part.quarantined
      status.lag = part.lag
    }
    let report = passes.tables[table.name]
    status.failure = report?.failure
    status.unmirrored = report?.unmirrored ?? []
    status.leftOut = report?.leftOut ?? []
    status.lastReconcile = passes.reconciledAt[table.name]
    return status
  }
}

/// What a lane tells of itself.
struct LaneStatus: Sendable {
  var counts: RowCounts
  var waiting: Int
  var held: Int
  var quarantined: Int
  var lag: Duration?
  var copying: CopyStatus?
}

extension Lane {
  var status: LaneStatus {
    LaneStatus(
      counts: counts, waiting: feed.signals.count + feed.afterParents.count,
      held: state.heldDeletes, quarantined: state.quarantine.count, lag: feed.lag,
      copying: state.backfill.map { CopyStatus(rows: $0.rows, estimate: $0.estimate) })
  }
}
