import JSON
import Supabase

extension Lane {
  /// Takes in what the feed says of one row.
  func signal(_ change: FeedChange, at time: Duration) async {
    guard !isRetired, !feed.hasGap else { return }
    guard report.failure == nil else {
      feed.hasGap = true
      return
    }
    let key = Self.named(change.key)
    let oldKey = Self.named(change.oldKey)
    let isDelete = change.kind == .delete
    guard plan.isNamedByFeed, isDelete ? oldKey != nil : key != nil else {
      // Something changed, and only a pass can tell what.
      return await leaveToPass(isDelete ? .all : .rows(plan.name))
    }
    let wasIdle = !feed.hasWork
    if let key, !isDelete {
      feed.signals.add(key, isDelete: false, commitTime: change.commitTime, at: time)
    }
    // The old key of an update that changed it is gone as by a delete.
    if let oldKey, isDelete || oldKey != key {
      feed.signals.add(oldKey, isDelete: true, commitTime: change.commitTime, at: time)
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
    feed.hasGap = true
    feed.signals = Signals(limit: Self.mostSignals(surroundings.settings))
    feed.afterParents = [:]
    await surroundings.needsPass(need)
  }

  static func mostSignals(_ settings: Settings) -> Int { settings.batchSize }

  func setDeletes(_ deletes: FeedDeletes) { feed.deletes = deletes }

  /// Returns when no key waits any more; what comes later is not taken in.
  func drain() async {
    await takeTurn()
    defer { endTurn() }
    guard !isRetired else { return }
    _ = try? await applySignals()
    feed.hasGap = true
  }

  /// Looks at signalled keys as they come, until the lane is retired or the task cancelled.
  func follow() async {
    while !isRetired, !Task.isCancelled {
      guard feed.hasWork else {
        await alarm.sleep(atMost: nil)
        continue
      }
      await takeTurn()
      let pause = await followOnce()
      endTurn()
      if let pause { await alarm.sleep(atMost: pause) }
    }
  }

  /// - Returns: how long to wait before rows are tried again whose parents were not there.
  private func followOnce() async -> Duration? {
    guard !isRetired, report.failure == nil else { return nil }
    do throws(LaneStop) {
      _ = try await applySignals()
    } catch .interrupted {
      return nil
    } catch {
      surroundings.log.debug(
        "feed left to the next pass",
        ["table": plan.name.description, "reason": error.sentence])
      await leaveToPass(.all)
      return nil
    }
    guard feed.signals.isEmpty, let tries = feed.afterParents.values.min() else { return nil }
    return .milliseconds(20) * (1 << tries)
  }

  /// Looks at the keys that wait, once, and writes or deletes what they are now.
  /// - Returns: the keys whose rows were read and dealt with: what was read of them before is old.
  @discardableResult
  func applySignals() async throws(LaneStop) -> Set<RowKey> {
    var done: Set<RowKey> = []
    // Rows that wait for their parents go with the signals, so that none of them is forgotten.
    for key in feed.afterParents.keys {
      feed.signals.add(key, isDelete: false, commitTime: nil, at: .zero)
    }
    while !feed.signals.isEmpty {
      let batch = feed.signals.take(atMost: size.rows)
      let evidence = Set(batch.filter(\.isDelete).map(\.key))
      let reading = try await sourceRows(batch.map(\.key))
      for page in reading.pages {
        report.read += page.count
        let keys = try self.keys(of: page, page.rows.indices)
        let outcome = try await write(page, Array(page.rows.indices))
        report.upserted += outcome.written
        try settle(keys, outcome, &done)
      }
      for key in reading.absent { feed.afterParents[key] = nil }
      done.formUnion(reading.absent)
      try await applyDeletes(reading.absent.filter(evidence.contains))
      try await save()
      if let commit = batch.compactMap(\.commitTime).min() {
        feed.lag = .microseconds(max(0, surroundings.now() - (commit + TimeText.unixEpoch)))
      }
      // What failed for its parents is tried again later, not at once.
      if !feed.afterParents.isEmpty { break }
    }
    return done
  }

  /// Sorts out what was refused: rows whose parents are on their way are tried again, others set aside.
  private func settle(
    _ keys: [RowKey], _ outcome: BatchOutcome, _ done: inout Set<RowKey>
  ) throws(LaneStop) {
    var refused: Set<RowKey> = []
    var final: [Refusal] = []
    for refusal in outcome.refusals {
      refused.insert(refusal.key)
      let tries = (feed.afterParents[refusal.key] ?? 0) + 1
      if refusal.code == "23503", tries <= LaneFeed.triesAfterParents {
        feed.afterParents[refusal.key] = tries
      } else {
        feed.afterParents[refusal.key] = nil
        final.append(refusal)
      }
    }
    for key in keys where !refused.contains(key) {
      feed.afterParents[key] = nil
      state.quarantine[key] = nil
      done.insert(key)
    }
    try refuse(final)
    done.formUnion(final.map(\.key))
  }

  /// Deletes rows on the feed's evidence: they were looked at and are absent at the source.
  private func applyDeletes(_ keys: [RowKey]) async throws(LaneStop) {
    guard !keys.isEmpty else { return }
    switch feed.deletes {
    case .off, .never: return
    case .inPass: return await surroundings.needsPass(.all)
    case .atOnce: break
    }
    guard state.heldDeletes == 0,
      !(try await mustHold(feed.deletedSincePass + keys.count))
    else { return await surroundings.needsPass(.all) }
    do throws(PostgRESTError) {
      let deleted = try await target.delete(keys, from: plan.name, keyColumns: plan.keyColumns)
      report.deleted += deleted
      feed.deletedSincePass += deleted
    } catch {
      switch Recovery(for: error) {
      // The ledger's replay finds an order in which they go.
      case .shrink, .split, .afterParents: return await surroundings.needsPass(.all)
      default: throw LaneStop(error)
      }
    }
    for key in keys { state.quarantine[key] = nil }
    // A row that came back between the look and the delete is put back.
    try await lookAgain(keys)
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
