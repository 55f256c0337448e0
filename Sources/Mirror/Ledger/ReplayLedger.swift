import JSON
import Supabase

/// What a look at a table's ledger entries found to delete; nothing is deleted yet.
struct DeletePlan: Sendable {
  /// Gone from the source by evidence and absence, and still on the target; at most the guard's limit.
  var keys: [RowKey] = []
  /// How many there are in all.
  var count = 0
  /// The entries that are done once the keys are deleted.
  var entries: [Int64] = []
  var truncates: [Int64] = []
  var isHeld = false
}

extension Lane {
  /// Looks again at every key the ledger names: rows that exist are written, rows that are gone are planned for
  /// deletion. Entries of rows that exist are marked at once.
  func assessDeletes(
    _ ledger: Ledger, _ snapshot: Ledger.Snapshot, approval: DeleteApproval
  ) async throws(LaneStop) -> DeletePlan {
    var plan = DeletePlan()
    let isApproved = approval.covers(self.plan.name.description)
    let keep = isApproved ? Int.max : surroundings.settings.deleteLimitRows
    var last: Int64?
    var unreadable = 0
    var planned: Set<RowKey> = []
    // Entries that came after the snapshot are the next pass's, or there might never be an end.
    while last ?? .min < snapshot.ids[self.plan.name]?.last ?? .min,
      let page = try await ledger.entries(
        of: self.plan.name, keyColumns: self.plan.keyColumns, after: last, limit: size.rows)
    {
      last = page.last
      unreadable += page.unreadable
      let entries = page.entries.filter { snapshot.contains($0.id, of: self.plan.name) }
      plan.truncates += entries.filter { $0.key == nil }.map(\.id)
      let keys = Array(Set(entries.compactMap(\.key)))
      let reading = try await lookAgain(keys)
      let doomed = Set(try await keysOnTarget(reading.absent))
      let done = entries.filter { entry in entry.key.map { !doomed.contains($0) } ?? false }
      try await ledger.markProcessed(done.map(\.id))
      let fresh = doomed.subtracting(planned)
      plan.count += fresh.count
      if plan.count <= keep {
        planned.formUnion(fresh)
        plan.keys += fresh
        plan.entries += entries.filter { $0.key.map(doomed.contains) ?? false }.map(\.id)
      }
    }
    if unreadable > 0 {
      report.unmirrored.append(
        "\(unreadable) ledger entries do not name the key columns of the table configuration: "
          + "apply the output of `supamirror migration` again; their deletes were not mirrored")
    }
    if !plan.truncates.isEmpty { try await planTruncate(&plan, planned, keep: keep) }
    if !isApproved, plan.count > 0, try await mustHold(plan.count + feed.deletedSincePass) {
      plan.isHeld = true
    }
    return plan
  }

  /// A truncate is evidence for every key the target has; absence is looked up key by key.
  private func planTruncate(
    _ plan: inout DeletePlan, _ known: Set<RowKey>, keep: Int
  ) async throws(LaneStop) {
    var last: [JSONToken]?
    while true {
      let filters: [Filter] =
        last.map { [.after(columns: self.plan.keyColumns, values: $0)] } ?? []
      let rows: JSONRows
      do throws(PostgRESTError) {
        rows = try await target.read(
          ReadQuery(
            table: self.plan.name, columns: self.plan.keyColumns, filters: filters,
            order: self.plan.keyColumns, limit: size.rows)
        ).rows
      } catch {
        throw LaneStop(error)
      }
      if rows.isEmpty { return }
      let keys = try self.keys(of: rows, rows.rows.indices)
      last = keys.last?.values
      let fresh = try await lookAgain(keys).absent.filter { !known.contains($0) }
      plan.count += fresh.count
      if plan.count <= keep { plan.keys += fresh }
    }
  }

  /// Reads the keys at the source and writes the rows that exist.
  @discardableResult
  func lookAgain(_ keys: [RowKey]) async throws(LaneStop) -> KeyReading {
    let reading = try await sourceRows(keys)
    for page in reading.pages {
      report.read += page.count
      let pageKeys = try self.keys(of: page, page.rows.indices)
      let same = try await unchanged(page, pageKeys, Array(page.rows.indices))
      report.unchanged += same.count
      let indices = page.rows.indices.filter { !same.contains($0) }
      guard !indices.isEmpty else { continue }
      let outcome = try await write(page, indices)
      report.upserted += outcome.written
      try refuse(outcome.refusals)
      try await save()
    }
    return reading
  }

  /// Whether so many deletes, in one pass and what the feed applied before it, wait for a person.
  func mustHold(_ count: Int) async throws(LaneStop) -> Bool {
    let settings = surroundings.settings
    let limits = DeleteGuard(
      limitRows: settings.deleteLimitRows, limitPercent: settings.deleteLimitPercent)
    switch limits.verdict(deletes: count) {
    case .allow: return false
    case .hold: return true
    case .allowIfTableHas(let rows):
      do throws(PostgRESTError) {
        return try await target.read(
          ReadQuery(
            table: self.plan.name, columns: self.plan.keyColumns, order: self.plan.keyColumns,
            limit: 1, offset: rows - 1)
        ).rows.isEmpty
      } catch {
        throw LaneStop(error)
      }
    }
  }

  /// Leaves a plan for a person to approve.
  func hold(_ plan: DeletePlan, because reason: String) async throws(LaneStop) {
    if state.heldDeletes == 0 {
      surroundings.log.warning(
        "deletes held",
        ["table": self.plan.name.description, "rows": "\(plan.count)", "reason": reason])
    }
    state.heldDeletes = plan.count
    report.notes.append("\(plan.count) deletes held: \(reason)")
    try await save()
  }

  /// Nothing waits for approval any more.
  func holdNothing() async throws(LaneStop) {
    guard state.heldDeletes > 0 else { return }
    state.heldDeletes = 0
    try await save()
  }

  /// Deletes what was planned, then marks the entries.
  func applyDeletes(_ plan: DeletePlan, _ ledger: Ledger) async throws(LaneStop) {
    var open = plan.keys
    var reason = ""
    // Rows of this table may refer to each other, so what was refused is tried again while that helps.
    while !open.isEmpty {
      let refused = try await delete(open, &reason)
      if refused.count == open.count { break }
      open = refused
    }
    state.heldDeletes = 0
    if !plan.truncates.isEmpty {
      // What was put in afterwards may be older than the checkpoint: a truncate often comes before a reload.
      state.checkpoint = nil
      state.held = nil
      state.scan = nil
      state.readsAll = true
      report.notes.append(
        "truncated at the source: the next pass reads the whole table, for rows put in afterwards "
          + "with older times")
    }
    try await save()
    guard open.isEmpty else {
      report.unmirrored.append(
        "the target refused \(open.count) deletes: \(reason). They are tried again in the next pass"
      )
      return
    }
    try await ledger.markProcessed(plan.entries + plan.truncates)
  }

  /// - Returns: the keys whose rows the target refused to delete.
  private func delete(_ keys: [RowKey], _ reason: inout String) async throws(LaneStop) -> [RowKey] {
    var refused: [RowKey] = []
    let step = size.rows
    var open = stride(from: 0, to: keys.count, by: step).map {
      keys[$0..<min($0 + step, keys.count)]
    }
    while let planned = open.popLast() {
      // Absence is looked up once more right before: a row that came back meanwhile is written instead.
      let batch = try await lookAgain(Array(planned)).absent
      guard !batch.isEmpty else { continue }
      forget(deleted: batch)
      do throws(PostgRESTError) {
        report.deleted += try await target.delete(
          batch, from: self.plan.name, keyColumns: self.plan.keyColumns)
      } catch {
        switch Recovery(for: error) {
        case .shrink, .split, .afterParents:
          if batch.count > 1 {
            let middle = batch.count / 2
            open.append(batch[middle...])
            open.append(batch[..<middle])
          } else {
            refused += batch
            reason = error.message
          }
          continue
        default: throw LaneStop(error)
        }
      }
      // And right after: a row that came back between the look and the delete is put back.
      _ = try await lookAgain(batch)
    }
    return refused
  }
}
