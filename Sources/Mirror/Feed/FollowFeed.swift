import JSON
import Supabase

/// What a look at signalled keys has done.
struct AppliedSignals {
  /// Rows that were read and dealt with: what was read of them before is old.
  var rows: Set<RowKey> = []
  /// Keys were looked at that the source has no rows of.
  var hasAbsent = false
  /// These keys, as the feed writes them.
  var absent: Set<RowKey> = []
}

extension Lane {
  /// Takes in what the feed says of one row.
  func signal(_ change: FeedChange, at time: Duration) async {
    // A copy of the whole table is to begin, which reads what is changed until then.
    guard !isRetired, !isAwaitingCopy else { return }
    let key = Self.named(change.key)
    let oldKey = Self.named(change.oldKey)
    let isDelete = change.kind == .delete
    // The old key of an update that changed it is gone as by a delete.
    let gone = isDelete || oldKey != key ? oldKey : nil
    let need: PassNeed = isDelete || gone != nil ? .all : .rows(plan.name)
    guard feed.gap == nil else { return await widenGap(to: need) }
    // The next pass tries the table again.
    guard report.failure == nil else { return forgetKeys(leavingTo: .all) }
    guard plan.isNamedByFeed, isDelete ? oldKey != nil : key != nil else {
      // Something changed, and only a pass can tell what.
      return await leaveToPass(need)
    }
    let wasIdle = feed.signals.isEmpty
    if let key, !isDelete {
      feed.signals.add(key, isDelete: false, commitTime: change.commitTime, at: time)
    }
    if let gone {
      feed.signals.add(gone, isDelete: true, commitTime: change.commitTime, at: time)
    }
    if feed.signals.overflowed {
      await leaveToPass(feed.signals.lostDeleteEvidence ? .all : .rows(plan.name))
    } else if wasIdle {
      await alarm.ring()
    }
  }

  /// The feed writes null for values that JSON numbers cannot be, such as NaN; a key is never null.
  private static func named(_ values: [JSONToken]?) -> RowKey? {
    guard let values, !values.contains(where: \.isNull) else { return nil }
    return RowKey(values)
  }

  /// Forgets the keys that wait: they are more than can be looked at one by one, or cannot be.
  func leaveToPass(_ need: PassNeed) async {
    forgetKeys(leavingTo: need)
    await surroundings.needsPass(need)
  }

  func forgetKeys(leavingTo need: PassNeed) {
    feed.gap = need
    feed.signals = Signals(limit: Self.mostSignals(surroundings.settings))
    feed.afterParents = [:]
  }

  /// Evidence of a delete that is not taken in is found again only in the ledger, by a whole pass.
  private func widenGap(to need: PassNeed) async {
    guard need == .all, feed.gap != .all else { return }
    feed.gap = .all
    await surroundings.needsPass(.all)
  }

  static func mostSignals(_ settings: Settings) -> Int { settings.batchSize }

  /// - Parameter hasLedger: passes can delete.
  func setDeletes(_ deletes: FeedDeletes, hasLedger: Bool) {
    feed.deletes = deletes
    feed.hasLedger = hasLedger
  }

  /// Returns when no key waits any more; what comes later is not taken in.
  func drain() async {
    await takeTurn()
    defer { endTurn() }
    guard !isRetired else { return }
    _ = try? await applySignals()
    forgetKeys(leavingTo: .all)
  }

  /// Looks at signalled keys as they come, until the lane is retired or the task cancelled.
  func follow() async {
    while !isRetired, !Task.isCancelled {
      guard feed.hasWork else {
        await alarm.sleep()
        continue
      }
      await takeTurn()
      await followOnce()
      endTurn()
      if feed.signals.isEmpty, let due = feed.nextDue {
        await alarm.sleep(atMost: max(.zero, due - elapsed()))
      }
    }
  }

  private func followOnce() async {
    guard !isRetired else { return }
    // The next pass tries the table again.
    guard report.failure == nil else { return forgetKeys(leavingTo: .all) }
    do throws(LaneStop) {
      _ = try await applySignals()
    } catch .interrupted {
      return
    } catch {
      surroundings.log.debug(
        "feed left to the next pass",
        ["table": plan.name.description, "reason": error.sentence])
      await surroundings.needsPass(.all)
    }
  }

  /// Looks at the keys that wait, once, and writes or deletes what they are now. Where that cannot be done, they
  /// are forgotten and left to a pass that the caller sees to.
  func applySignals() async throws(LaneStop) -> AppliedSignals {
    var applied = AppliedSignals()
    isForFeed = true
    defer { isForFeed = false }
    do throws(LaneStop) {
      // Not what comes meanwhile: a pass would never see its next page.
      var left = feed.signals.count + feed.afterParents.count
      while left > 0 {
        let batch = feed.take(atMost: size.rows, at: elapsed())
        guard !batch.isEmpty else { break }
        left -= batch.count
        try await apply(batch, &applied)
      }
    } catch {
      forgetKeys(leavingTo: .all)
      throw error
    }
    return applied
  }

  private func apply(
    _ batch: [Signals.Signal], _ applied: inout AppliedSignals
  ) async throws(LaneStop) {
    let evidence = Set(batch.filter(\.isDelete).map(\.key))
    let reading = try await sourceRows(batch.map(\.key))
    for page in reading.pages {
      report.read += page.count
      let keys = try self.keys(of: page, page.rows.indices)
      let outcome = try await write(page, Array(page.rows.indices))
      report.upserted += outcome.written
      if outcome.written > 0 { feed.hasWritten = true }
      try await settle(keys, outcome, &applied)
    }
    if !reading.absent.isEmpty { applied.hasAbsent = true }
    applied.absent.formUnion(reading.absent)
    for key in reading.absent { feed.afterParents[key] = nil }
    try await applyDeletes(reading.absent.filter(evidence.contains))
    try await save()
    if let commit = batch.compactMap(\.commitTime).min() {
      feed.lag = .microseconds(max(0, surroundings.now() - (commit + TimeText.unixEpoch)))
    }
  }

  /// Sorts out what was refused: rows whose parents are on their way are tried again, others set aside.
  private func settle(
    _ keys: [RowKey], _ outcome: BatchOutcome, _ applied: inout AppliedSignals
  ) async throws(LaneStop) {
    var refused: Set<RowKey> = []
    var final: [Refusal] = []
    for refusal in outcome.refusals {
      refused.insert(refusal.key)
      let tries = (feed.afterParents[refusal.key]?.tries ?? 0) + 1
      if refusal.code == "23503", tries <= LaneFeed.triesAfterParents {
        feed.afterParents[refusal.key] = LaneFeed.Orphan(
          tries: tries, due: elapsed() + LaneFeed.pause(after: tries))
      } else {
        feed.afterParents[refusal.key] = nil
        final.append(refusal)
      }
    }
    for key in keys where !refused.contains(key) {
      feed.afterParents[key] = nil
      state.quarantine[key] = nil
      applied.rows.insert(key)
    }
    try refuse(final)
    applied.rows.formUnion(final.map(\.key))
    if feed.afterParents.count > Self.mostSignals(surroundings.settings) {
      await leaveToPass(.rows(plan.name))
    } else if !surroundings.settings.loop, final.contains(where: { $0.code == "23503" }) {
      // No regular pass would try it again.
      await surroundings.needsPass(.rows(plan.name))
    }
  }

  /// Deletes rows on the feed's evidence: they were looked at and are absent at the source.
  private func applyDeletes(_ keys: [RowKey]) async throws(LaneStop) {
    // Where deletes wait for a person, these wait with them: the next pass finds them in the ledger.
    guard !keys.isEmpty, feed.deletes != .off, state.heldDeletes == 0 else { return }
    guard feed.deletes == .atOnce, !(try await mustHold(feed.deletedSincePass + keys.count)) else {
      return await leaveDeletesToPass()
    }
    forget(deleted: keys)
    do throws(PostgRESTError) {
      let deleted = try await target.delete(keys, from: plan.name, keyColumns: plan.keyColumns)
      report.deleted += deleted
      feed.deletedSincePass += deleted
    } catch {
      switch Recovery(for: error) {
      // The ledger's replay finds an order in which they go.
      case .shrink, .split, .afterParents: return await leaveDeletesToPass()
      default: throw LaneStop(error)
      }
    }
    for key in keys { state.quarantine[key] = nil }
    // A row that came back between the look and the delete is put back.
    try await lookAgain(keys)
  }

  /// Without a ledger no pass can, which every pass reports.
  private func leaveDeletesToPass() async {
    if feed.hasLedger { await surroundings.needsPass(.all) }
  }
}

extension LaneStop {
  /// For people.
  var sentence: String {
    switch self {
    case .table(let sentence), .project(let sentence), .configuration(let sentence),
      .state(let sentence):
      sentence
    case .interrupted: "interrupted"
    }
  }
}
