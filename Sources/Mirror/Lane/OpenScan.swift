import JSON
import Supabase

/// How far a pass may move the checkpoint; taken before its first page is read.
struct PassLimits: Sendable {
  /// The start of the source's oldest running transaction, where `sync_horizon()` is installed: nothing older
  /// can still appear. Microseconds since 2000-01-01.
  var horizon: Int64?
  /// The source's clock, by the `Date` of its answers.
  var sourceClock: Int64
  /// Why the horizon is unknown, for the operator.
  var problem: String?

  /// The horizon, where it was answered; a source that has the function and cannot answer holds checkpoints at the
  /// very start.
  var heldHorizon: Int64? { horizon == .min ? nil : horizon }
}

/// What is the same for all pages of one way through a table.
struct ScanCourse {
  /// The newest row that was there when it began; behind it comes the next pass's.
  let newest: Cursor?
  let cap: FieldPosition?
  /// The checkpoint when it began.
  let before: FieldPosition?
  /// Rows are told by their versions; all that could be on the target already has been looked up there.
  var isWindow = false
}

/// Where a pass over one table begins and ends, and how far it may move the checkpoint.
struct ScanOpening {
  var scan: Scan
  /// Where it begins, inclusive; nil is the very start, or where an earlier pass stopped.
  var bound: JSONToken?
  var cap: FieldPosition?
  /// The newest row that was there before the first page was read; nil: no row has a value. The pass ends with
  /// it: where rows come faster than pages are read, there would never be an empty page.
  var newest: Cursor?
}

extension Lane {
  func openScan(_ limits: PassLimits) async throws(LaneStop) -> ScanOpening {
    let newest = try await newestRow(upTo: nil)
    if let open = state.scan, open.cursor.values.count == plan.orderColumns.count,
      plan.field.position(of: open.cursor.field) != nil
    {
      return ScanOpening(
        scan: Scan(plan, from: .after(open.cursor)), bound: nil,
        cap: open.cap.flatMap(plan.field.position), newest: newest)
    }
    state.scan = nil
    lowerCheckpoint(to: newest)
    let bound = lowerBound(limits)
    // What is older is not to be copied, so a pass that moves the checkpoint no further leaves it here.
    if state.checkpoint == nil { state.checkpoint = bound }
    return ScanOpening(
      scan: Scan(plan, from: bound), bound: bound, cap: try await cap(limits, newest),
      newest: newest)
  }

  /// Integers may begin again (`TRUNCATE … RESTART IDENTITY`); a checkpoint beyond the newest row would then
  /// hide all that follow. A lower one is never wrong.
  private func lowerCheckpoint(to newest: Cursor?) {
    guard plan.field.isInteger, let newest, let position = plan.field.position(of: newest.field),
      let checkpoint = state.checkpoint.flatMap(plan.field.position), position < checkpoint
    else { return }
    // So far below, hardly because the newest rows were deleted.
    let isRestart = position < checkpoint.moved(back: lookback)
    state.checkpoint = isRestart ? nil : newest.field
  }

  /// How far passes read again before the checkpoint, on the field's line.
  var lookback: Int64 {
    plan.field.isInteger
      ? Int64(surroundings.settings.batchSize) : surroundings.settings.lookback.microseconds
  }

  /// Where a pass begins, inclusive; nil is the very start.
  private func lowerBound(_ limits: PassLimits) -> JSONToken? {
    let field = plan.field
    if let checkpoint = state.checkpoint {
      // A value that cannot be read is of another type: the column was changed, so nothing is known.
      guard let position = field.position(of: checkpoint), position != .beforeAll else {
        return nil
      }
      return field.token(at: position.moved(back: lookback))
    }
    guard case .last(let history) = surroundings.settings.initialBackfill, !state.readsAll,
      !field.isInteger
    else { return nil }
    let start = field.token(at: .at(limits.sourceClock).moved(back: history.microseconds))
    report.notes.append(
      "first pass: rows with \(field.column) before \(start.string ?? "") were not copied; "
        + "SYNC_INITIAL_BACKFILL_MS=all copies everything")
    return start
  }

  /// Times without a zone, dates and integers have no clock to be held against, so the newest value that was
  /// committed when the pass began limits the checkpoint too: what commits later is not older than the look-back.
  /// It must be known before the first page is read: what commits between the two may be older than all of it.
  func cap(
    _ limits: PassLimits, _ newest: Cursor?
  ) async throws(LaneStop) -> FieldPosition? {
    let clock: FieldPosition? =
      plan.field.isInteger ? nil : .at(limits.horizon ?? limits.sourceClock)
    if plan.field.kind == .timestampWithTimeZone { return clock }
    guard let newest else { return .beforeAll }
    let position = plan.field.position(of: newest.field)
    guard let clock else { return position }
    if let position, position <= clock { return position }
    let past = try await newestRow(upTo: plan.field.token(at: clock))
    return past.flatMap { plan.field.position(of: $0.field) } ?? .beforeAll
  }

  func newestRow(upTo value: JSONToken?) async throws(LaneStop) -> Cursor? {
    let column = plan.field.column
    let filters: [Filter] =
      value.map { [.lessOrEqual(column, $0)] }
      ?? (plan.field.isNullable ? [.isNotNull(column)] : [])
    let rows: JSONRows
    do throws(PostgRESTError) {
      rows = try await source.read(
        ReadQuery(
          table: plan.name, columns: plan.orderColumns, filters: filters,
          order: plan.orderColumns, isDescending: true, limit: 1)
      ).rows
    } catch {
      throw LaneStop(error)
    }
    return rows.isEmpty ? nil : try cursor(rows, 0)
  }

  func cursor(_ rows: JSONRows, _ index: Int) throws(LaneStop) -> Cursor {
    Cursor(try values(plan.orderColumns, rows, index))
  }

  /// Whether a page of the order holds this row or what comes after it.
  func reaches(_ newest: Cursor?, _ rows: JSONRows, _ last: Cursor) throws(LaneStop) -> Bool {
    guard let newest else { return true }
    guard let end = plan.field.position(of: newest.field),
      let reached = plan.field.position(of: last.field)
    else { return false }
    if reached != end { return reached > end }
    for index in rows.rows.indices.reversed() {
      let cursor = try cursor(rows, index)
      if cursor == newest { return true }
      if cursor.field != newest.field { return false }
    }
    return false
  }
}
