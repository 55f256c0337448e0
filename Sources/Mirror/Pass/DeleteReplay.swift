import JSON
import Supabase

/// The deletes of one pass: all are assessed before any is applied, then applied children before parents.
struct DeleteReplay: Sendable {
  let ledger: Ledger
  let snapshot: Ledger.Snapshot
  let approval: DeleteApproval
  let references: [TableName: Set<TableName>]
  /// Configured tables that have no lane because something is wrong with them.
  let failed: Set<TableName>

  /// - Returns: whether anything was deleted.
  func run(_ levels: [[Lane]]) async throws(LaneStop) -> Bool {
    var plans: [TableName: DeletePlan] = [:]
    for lane in levels.joined() where snapshot.ids[lane.plan.name] != nil {
      let approval = approval
      plans[lane.plan.name] = try await lane.run { lane throws(LaneStop) in
        try await lane.assessDeletes(ledger, snapshot, approval: approval)
      }
    }
    var stuck = failed.union(snapshot.cut).union(plans.filter(\.value.isHeld).keys)
    for lane in levels.joined() where await lane.report.failure != nil {
      stuck.insert(lane.plan.name)
    }
    let blocked = Self.parents(of: stuck, references)
    var deleted: Set<TableName> = []
    for lane in levels.reversed().joined() {
      guard let plan = plans[lane.plan.name] else {
        try await lane.run { lane throws(LaneStop) in try await lane.holdNothing() }
        continue
      }
      let isBlocked = blocked.contains(lane.plan.name)
      let isDone = try await lane.run { lane throws(LaneStop) in
        if plan.isHeld {
          try await lane.hold(plan, because: lane.reasonToHold)
        } else if plan.count > 0, isBlocked {
          try await lane.hold(
            plan,
            because:
              "deletes of a table that refers to it are held, or that table stopped, and the "
              + "target could cascade to its rows; approve both, or mend that table first")
        } else {
          try await lane.applyDeletes(plan, ledger)
          return plan.count > 0
        }
        return false
      }
      if isDone == true { deleted.insert(lane.plan.name) }
    }
    guard !deleted.isEmpty else { return false }
    // The target may have cascaded to what refers to them.
    for lane in levels.joined()
    where !Self.parents(of: [lane.plan.name], references).isDisjoint(with: deleted) {
      try await lane.run { lane throws(LaneStop) in lane.forgetVersions() }
    }
    return true
  }

  /// Every table that the given ones refer to, at any distance: deleting there could cascade to held rows.
  static func parents(
    of tables: Set<TableName>, _ references: [TableName: Set<TableName>]
  ) -> Set<TableName> {
    var found: Set<TableName> = []
    var open = Array(tables)
    while let table = open.popLast() {
      for parent in references[table] ?? [] where found.insert(parent).inserted {
        open.append(parent)
      }
    }
    return found
  }
}

extension Lane {
  var reasonToHold: String {
    "more than \(surroundings.settings.deleteLimitRows) rows, or than "
      + "\(surroundings.settings.deleteLimitPercent) % of the table, in one pass; if that is right, "
      + "approve them with --approve-deletes \(plan.name)"
  }

  /// Counts the rows whose jsonb null arrived as SQL NULL: over the whole table once a day, as that reads all
  /// of it, and whenever the rows that a pass looked at have any.
  func countJSONNulls() async throws(LaneStop) {
    guard !plan.jsonbColumns.isEmpty else { return }
    let today = surroundings.now()
    // A filter's value is text, so this asks for the JSON value null; SQL NULL never matches.
    let isNull = Filter.any(plan.jsonbColumns.map { .equal($0, JSONToken(string: "null")) })
    let isNever = state.jsonbNulls == nil && state.jsonbNullsCounted == 0
    var isDue = isNever || today - state.jsonbNullsCounted > TimeText.microsecondsADay
    var atLeast = 0
    do throws(PostgRESTError) {
      if !isDue, hasWrittenSinceCount {
        let seen: [Filter] = bound.map { [.greaterOrEqual(plan.field.column, $0)] } ?? []
        atLeast = try await source.count(of: plan.name, filters: seen + [isNull])
        isDue = atLeast > 0
      }
      if isDue {
        state.jsonbNulls = try await source.count(of: plan.name, filters: [isNull])
      }
    } catch {
      // The rows are copied all the same: a count that takes too long is not asked for again today.
      guard error.isCuredBySmallerPage else { throw LaneStop(error) }
      atLeast = max(atLeast, state.jsonbNulls ?? 0)
      state.jsonbNulls = atLeast > 0 ? atLeast : nil
      isDue = true
    }
    hasWrittenSinceCount = false
    if isDue {
      state.jsonbNullsCounted = today
      try await save()
    }
    if state.jsonbNulls == nil {
      report.notes.append(
        "the table is too large for its JSON nulls in "
          + "\(plan.jsonbColumns.joined(separator: ", ")) to be counted in one request")
    }
    if let count = state.jsonbNulls, count > 0 {
      report.unmirrored.append(
        "\(count) rows have a JSON null in \(plan.jsonbColumns.joined(separator: ", ")), which is "
          + "SQL NULL on the target")
    }
  }
}
