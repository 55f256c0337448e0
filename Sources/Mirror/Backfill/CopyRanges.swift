import Supabase

extension Lane {
  /// A table with fewer rows than these many first pages is copied by one lane.
  private static var pagesOfOneLane: Int { 20 }

  /// Copies what is left of the open backfill.
  /// - Parameter bytes: of bodies, added up.
  func copyRanges(_ bytes: inout Int) async throws(LaneStop) {
    var run = BackfillRun(
      state.backfill?.ranges ?? [], keyColumns: plan.keyColumns,
      smallestSplit: Self.pagesOfOneLane * surroundings.settings.batchSize)
    let outcome = await copyRanges(&run)
    bytes += outcome.bytes
    surroundings.log.debug(
      "key ranges copied",
      [
        "table": plan.name.description,
        "lanes.rows": run.rows.map { "\($0)" }.joined(separator: ","),
      ])
    if let stop = outcome.stop { throw stop }
  }

  /// One order a range is under way; between two of them the feed has its turn.
  private func copyRanges(_ run: inout BackfillRun) async -> (bytes: Int, stop: LaneStop?) {
    var bytes = 0
    var stop: LaneStop?
    await withTaskGroup(of: BackfillStep.self) { group in
      while true {
        do throws(LaneStop) {
          if stop == nil, run.mayApply, hasDueSignals {
            // No page is under way while the feed writes, so neither can overwrite what the other knows better.
            if run.isResting { try await applyFeed(&run) }
          }
          if stop == nil, !(run.mayApply && hasDueSignals) {
            let (orders, divisor) = try await nextOrders(&run)
            for order in orders {
              group.addTask { await self.carryOut(order, divisor: divisor) }
            }
          }
        } catch {
          stop = stop ?? error
        }
        guard let step = await group.next() else { return }
        run.mayApply = true
        do throws(LaneStop) {
          try take(step, &run, &bytes)
        } catch {
          stop = stop ?? error
        }
      }
    }
    return (bytes, stop)
  }

  private var hasDueSignals: Bool {
    !feed.signals.isEmpty || feed.nextDue.map { $0 <= elapsed() } ?? false
  }

  private func applyFeed(_ run: inout BackfillRun) async throws(LaneStop) {
    run.mayApply = false
    let applied = try await applySignals()
    run.leaveOut(applied, isSafe: plan.isComparedWithFeed)
  }

  private func nextOrders(
    _ run: inout BackfillRun
  ) async throws(LaneStop) -> (orders: [BackfillOrder], divisor: Int) {
    try await estimate(&run)
    let most = surroundings.settings.maxRequests
    let fresh = state.backfill.flatMap { $0.rows == 0 ? $0.estimate : nil }
    let (lanes, divisor) = await surroundings.load.claim(
      plan.name, wanted: fresh == nil ? run.wanted(state.backfill?.ranges ?? []) : most,
      most: most)
    let ranges = state.backfill?.ranges ?? []
    if let fresh, run.isResting { run.spread(lanes: lanes, rows: fresh) }
    run.assign(lanes: lanes, ranges)
    return (run.takeOrders(ranges), divisor)
  }

  /// Asks how many rows there are, once a table has shown more than a page of them.
  private func estimate(_ run: inout BackfillRun) async throws(LaneStop) {
    guard !run.hasAskedEstimate, let open = state.backfill, open.rows > 0,
      open.ranges.contains(where: { $0.left == nil })
    else { return }
    run.hasAskedEstimate = true
    guard let estimate = try await estimatedRows() else { return }
    state.backfill?.estimate = estimate
    for var range in open.ranges where range.left == nil {
      range.left = max(0, estimate - open.rows) / open.ranges.count
      state.backfill?[range.id] = range
    }
  }

  private func take(
    _ step: BackfillStep, _ run: inout BackfillRun, _ bytes: inout Int
  ) throws(LaneStop) {
    switch step {
    case .copied(let id, let result):
      let copied = try result.get()
      bytes += copied.bytes
      let range = state.backfill?[id]
      if run.copied(id, rows: copied.rows, next: copied.next, upTo: range?.upTo) {
        state.backfill?[id] = nil
      } else if copied.next?.page.isEmpty == false, range?.left == 0 {
        // More than was expected: perhaps as many again.
        state.backfill?[id]?.left = run.rows(of: id)
      }
      guard copied.rows > 0, let open = state.backfill else { return }
      surroundings.progress(
        TableProgress(
          table: plan.name, rows: open.rows, bytes: bytes, estimate: open.estimate,
          isBackfill: true))
    case .probed(let id, let offset, let result):
      switch try result.get() {
      case .found(let key):
        run.probed(id)
        guard var range = state.backfill?[id] else { return }
        let left = max(0, (range.left ?? 0) - offset)
        state.backfill?.ranges.append(run.split(&range, at: key, left: left))
        range.left = offset
        state.backfill?[id] = range
      case .none:
        let left = state.backfill?[id]?.left ?? 0
        state.backfill?[id]?.left = min(left, offset)
        run.probed(id)
      case .tooSlow: run.probed(id, tooFar: offset)
      }
    case .spread(let id, let share, let result):
      let (keys, isTooSlow) = try result.get()
      run.probed(id, tooFar: isTooSlow ? share : nil)
      guard var range = state.backfill?[id] else { return }
      var left = state.backfill?.estimate ?? 0
      // The last cut first, so that each leaves the range's beginning.
      for (number, key) in keys.enumerated().reversed() {
        let before = (number + 1) * share
        state.backfill?.ranges.append(
          run.split(&range, at: key, left: max(0, left - before)))
        left = before
      }
      range.left = left
      state.backfill?[id] = range
    }
  }
}
