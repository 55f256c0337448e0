import JSON
import Supabase

/// Why a lane ended before its table was done. What was durable stays so.
enum LaneStop: Error {
  /// This table cannot go on.
  case table(String)
  /// A project cannot be used, so no table can.
  case project(String)
  /// The two projects are one.
  case configuration(String)
  /// The state cannot be made durable, so nothing may be copied.
  case state(String)
  case interrupted
}

/// One table's way from source to target: all its reads and writes pass here, in order. A read of the next page
/// may overlap the write of this one, never pass it.
actor Lane {
  let plan: TablePlan
  let surroundings: Surroundings
  var report: TableReport
  var state: TableState
  var size: PageSize
  /// Columns that the target computes itself, as its refusals told.
  var leftOut: Set<String> = []
  /// Where this pass began to read, inclusive; nil is the very start.
  var bound: JSONToken?
  /// Whether a batch of this pass was read back and compared.
  var hasReadBack = false

  /// What all lanes of a mirror share.
  struct Surroundings: Sendable {
    let source: any MirroredProject
    let target: any MirroredProject
    let store: StateStore
    let settings: Settings
    let log: Log
    let now: @Sendable () -> Int64
    let progress: @Sendable (TableName, Int) -> Void
  }

  init(_ plan: TablePlan, _ surroundings: Surroundings, state: TableState?) {
    self.plan = plan
    self.surroundings = surroundings
    self.state =
      state?.adapted(field: plan.field.column, keyColumns: plan.keyColumns)
      ?? TableState(field: plan.field.column, keyColumns: plan.keyColumns)
    report = TableReport(table: plan.name)
    report.notes = plan.notes
    size = PageSize(rows: surroundings.settings.batchSize)
  }

  var source: any MirroredProject { surroundings.source }
  var target: any MirroredProject { surroundings.target }

  /// The columns that upserts name.
  var writtenColumns: [String] { plan.columns.filter { !leftOut.contains($0) } }

  /// Runs one stage; a stop goes into the report and is thrown on where it concerns more than this table.
  /// - Returns: nil where the table stopped, now or before.
  @discardableResult
  func run<Result: Sendable>(
    _ stage: @Sendable (isolated Lane) async throws(LaneStop) -> Result
  ) async throws(LaneStop) -> Result? {
    guard report.failure == nil else { return nil }
    let clock = ContinuousClock()
    let start = clock.now
    defer { report.elapsed += clock.now - start }
    do {
      return try await stage(self)
    } catch .table(let sentence) {
      report.failure = sentence
      surroundings.log.error(
        "table stopped", ["table": plan.name.description, "reason": sentence])
      return nil
    } catch {
      if case .interrupted = error { report.failure = "interrupted; nothing is lost" }
      throw error
    }
  }

  /// Makes the lane's state durable.
  func save() async throws(LaneStop) {
    do {
      try await surroundings.store.set(state, of: plan.name)
    } catch {
      throw .state(error.description)
    }
  }

  func finishReport() -> TableReport {
    report.quarantined = state.quarantine.count
    report.quarantineReason =
      state.quarantine.values.max { ($0.since, $0.reason) < ($1.since, $1.reason) }?.reason ?? ""
    report.held = state.heldDeletes
    return report
  }

  /// The keys of a page's rows.
  func keys(of rows: JSONRows, _ indices: some Sequence<Int>) throws(LaneStop) -> [RowKey] {
    var keys: [RowKey] = []
    for index in indices { keys.append(RowKey(try values(plan.keyColumns, rows, index))) }
    return keys
  }

  /// The named values of one row; PostgREST always sends every column that was asked for.
  func values(
    _ columns: [String], _ rows: JSONRows, _ index: Int
  ) throws(LaneStop) -> [JSONToken] {
    let found = try? rows.values(of: columns, inRow: index)
    let values = (found ?? []).compactMap { $0 }
    guard values.count == columns.count else {
      throw .table("\(plan.name): the source's answer lacks a column that was asked for")
    }
    return values
  }
}

extension LaneStop {
  /// What an error that no retry, no smaller batch and no split can mend means for the pass.
  init(_ error: PostgRESTError) {
    if error.isCancelled {
      self = .interrupted
      return
    }
    switch Recovery(for: error) {
    case .stopProject(let advice): self = .project("\(error.message); \(advice)")
    case .stopTable(let advice): self = .table("\(error.message); \(advice)")
    case .awaitSchemaCache:
      self = .table(
        "\(error.message); if the table was changed just now, run NOTIFY pgrst, 'reload schema' "
          + "there")
    case .retry:
      self = error.concernsWholeProject ? .project(error.message) : .table(error.message)
    // Nothing smaller was left to try: nobody works on it.
    case .shrink where error.isTimeout: self = .project(error.message)
    case .shrink, .split, .afterParents, .leaveOut: self = .table(error.message)
    }
  }
}
