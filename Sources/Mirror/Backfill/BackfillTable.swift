import JSON
import Supabase

extension Lane {
  /// Whether this pass is to copy the whole table.
  private func isToBeCopiedWhole(_ scope: BackfillScope?) -> Bool {
    if let scope { return scope.includes(plan.name, state) }
    return state.backfill != nil
      || state.checkpoint == nil && state.scan == nil
        && (state.readsAll || surroundings.settings.initialBackfill == .all)
  }

  /// Nothing needs to be done about keys that the feed names before a first copy begins: it reads them.
  func awaitCopy(_ scope: BackfillScope?) {
    isAwaitingCopy =
      state.checkpoint == nil && state.scan == nil && state.backfill == nil
      && isToBeCopiedWhole(scope)
  }

  /// Copies the whole table where that is to be done, and then what has changed since the checkpoint.
  ///
  /// - Parameter isCircular: rows of the table may need others of it, or of a table that needs this one. Then not even
  ///   the whole is copied by key, which would be no order for them, but in the order in which they changed.
  func copy(
    _ limits: PassLimits, _ scope: BackfillScope?, isCircular: Bool
  ) async throws(LaneStop) {
    let isWhole = isToBeCopiedWhole(scope)
    isAwaitingCopy = false
    if isWhole, isCircular {
      if state.scan == nil || !state.readsAll {
        state.backfill = nil
        state.checkpoint = nil
        state.scan = nil
        state.readsAll = true
        try await save()
      }
    } else if isWhole {
      try await backfill(limits)
    }
    let isReadAll = state.readsAll
    try await reconcile(limits)
    if isReadAll, !state.readsAll, !state.isCopiedWhole {
      state.isCopiedWhole = true
      try await save()
    }
    // All of it was written.
    if isWhole { bound = nil }
    surroundings.progress(TableProgress(table: plan.name, rows: report.read, isDone: true))
  }

  /// Copies every row by key, or what an earlier pass has left of that.
  private func backfill(_ limits: PassLimits) async throws(LaneStop) {
    if state.backfill == nil {
      let cap = try await backfillCap(limits)
      // Keys beyond it come later than the cap. Where they come faster than pages, there would never be an empty one.
      let end = try await last(plan.keyColumns, filters: [])
      state.backfill = OpenBackfill(
        cap: cap,
        ranges: end.map { [KeyRange(id: 0, upTo: $0.contains(where: \.isNull) ? nil : $0)] } ?? [])
      // It would be another way to the same end.
      state.scan = nil
      try await save()
    }
    let before = size
    size.mostBytes = Self.mostPageBytes
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

  /// Two for each lane are in memory.
  private static var mostPageBytes: Int { 2 << 20 }

  private func closeBackfill(_ bytes: Int) async throws(LaneStop) {
    guard let done = state.backfill else { return }
    let reached = plan.field.position(of: done.cap) ?? .beforeAll
    if state.checkpoint.flatMap(plan.field.position).map({ $0 < reached }) ?? true {
      state.checkpoint = done.cap
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
