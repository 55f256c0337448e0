import JSON
import Supabase

extension Lane {
  /// Whether this pass is to copy the whole table.
  private func isToBeCopiedWhole(_ scope: BackfillScope?, isCircular: Bool) -> Bool {
    if let scope { return scope.includes(plan.name, state) }
    if isCircular, state.scan != nil, state.readsAll { return true }
    return state.backfill != nil
      || state.checkpoint == nil && state.scan == nil
        && (state.readsAll || surroundings.settings.initialBackfill == .all)
  }

  /// Nothing needs to be done about keys that the feed names before a first copy begins: it reads them.
  func awaitCopy(_ scope: BackfillScope?) {
    isAwaitingCopy =
      state.checkpoint == nil && state.scan == nil && state.backfill == nil
      && state.copyReason == nil && isToBeCopiedWhole(scope, isCircular: false)
  }

  /// Copies the whole table where that is to be done; what changes meanwhile is left to `reconcile`.
  ///
  /// - Parameter isCircular: rows of the table may need others of it, or of a table that needs this one. Then not even
  ///   the whole is copied by key, which would be no order for them, but in the order in which they changed.
  func copyWhole(
    _ limits: PassLimits, _ scope: BackfillScope?, isCircular: Bool
  ) async throws(LaneStop) {
    isAwaitingCopy = false
    guard isToBeCopiedWhole(scope, isCircular: isCircular) else { return }
    hasCopiedWhole = true
    guard isCircular else { return try await backfill(limits) }
    if state.scan == nil || !state.readsAll {
      state.backfill = nil
      state.checkpoint = nil
      state.scan = nil
      state.readsAll = true
      try await save()
    }
    try await reconcile(limits)
    state.isCopiedWhole = true
    try await save()
  }

  /// Copies every row by key, or what an earlier pass has left of that.
  private func backfill(_ limits: PassLimits) async throws(LaneStop) {
    // Pages that were copied with other columns lack what is new.
    if state.columns != plan.columns { state.backfill = nil }
    // Rows copied before have nothing in a column that has come since.
    if state.backfill == nil || state.columns != plan.columns {
      let cap = try await backfillCap(limits)
      // Keys beyond it come later than the cap. Where they come faster than pages, there would never be an empty one.
      async let lastKey = attempt { () async throws(LaneStop) in
        try await last(plan.keyColumns, filters: [])
      }
      async let estimated = attempt { () async throws(LaneStop) in try await estimatedRows() }
      let (end, rows) = (await lastKey, await estimated)
      var open = OpenBackfill(cap: cap, ranges: [])
      if let end = try end.get() {
        open.estimate = try rows.get()
        open.ranges = [
          KeyRange(
            id: 0, upTo: end.contains(where: \.isNull) ? nil : end, left: open.estimate)
        ]
      }
      open.horizon = limits.heldHorizon
      state.backfill = open
      state.columns = plan.columns
      // It would be another way to the same end.
      state.scan = nil
      state.columns = plan.columns
      try await save()
    }
    // A change that is newer is the reconcile's. What it needs in other tables may be as new.
    // Of a table that is copied again the target has rows in their versions, if not in their shape: all are copied.
    latest =
      state.copyReason != nil
        || plan.field.position(of: state.backfill?.cap ?? .null) == .beforeAll
      ? nil : state.backfill?.cap
    let before = size
    defer { size = before }
    var bytes = 0
    do throws(LaneStop) {
      try await copyRanges(&bytes)
    } catch {
      await surroundings.load.leave(plan.name)
      throw error
    }
    await surroundings.load.leave(plan.name)
    try await closeBackfill(bytes)
  }

  /// nil where the server does not say, or not in time.
  func estimatedRows() async throws(LaneStop) -> Int? {
    do throws(PostgRESTError) {
      return try await source.estimatedCount(of: plan.name)
    } catch {
      guard error.isCuredBySmallerPage else { throw LaneStop(error) }
      return nil
    }
  }

  private func closeBackfill(_ bytes: Int) async throws(LaneStop) {
    guard let done = state.backfill else { return }
    let reached = plan.field.position(of: done.cap) ?? .beforeAll
    if state.checkpoint.flatMap(plan.field.position).map({ $0 < reached }) ?? true {
      state.checkpoint = done.cap
      // Then the reconcile need not read again what has the cap's own time, which may be the whole table.
      state.held = done.horizon.flatMap {
        HeldCheckpoint(checkpoint: done.cap, plan.field, horizon: $0)
      }
    }
    state.backfill = nil
    state.scan = nil
    state.readsAll = false
    state.isCopiedWhole = true
    try await save()
    surroundings.progress(
      TableProgress(
        table: plan.name, rows: done.rows, bytes: bytes, estimate: done.rows, isBackfill: true,
        isDone: true))
  }

  /// Where the checkpoint may go when everything has been read from now on: not beyond the newest row that is there,
  /// as the source's clock may be wrong, nor beyond what may still commit with an older time.
  private func backfillCap(_ limits: PassLimits) async throws(LaneStop) -> JSONToken {
    let field = plan.field
    let none = field.token(at: .beforeAll)
    guard let newest = try await newestValue(upTo: nil) else { return none }
    guard !field.isInteger else { return newest }
    let clock = FieldPosition.at(limits.horizon ?? limits.sourceClock)
    if let position = field.position(of: newest), position <= clock { return newest }
    return try await newestValue(upTo: field.token(at: clock)) ?? none
  }

  private func newestValue(upTo value: JSONToken?) async throws(LaneStop) -> JSONToken? {
    let column = plan.field.column
    let filters: [Filter] =
      value.map { [.lessOrEqual(column, $0)] }
      ?? (plan.field.isNullable ? [.isNotNull(column)] : [])
    return try await last([column], filters: filters)?[0]
  }

  /// The greatest values of these columns that are there; nil where no row matches.
  private func last(
    _ columns: [String], filters: [Filter]
  ) async throws(LaneStop) -> [JSONToken]? {
    let rows: JSONRows
    do throws(PostgRESTError) {
      rows = try await source.read(
        ReadQuery(
          table: plan.name, columns: columns, filters: filters, order: columns,
          isDescending: true, limit: 1)
      ).rows
    } catch {
      throw LaneStop(error)
    }
    return rows.isEmpty ? nil : try values(columns, rows, 0)
  }
}
