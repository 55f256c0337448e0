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
  /// Rows of which only key and version are asked for.
  var lookSize: PageSize
  /// What is known to be on the target. It outlives passes, not the lane.
  var memory = WindowMemory()
  /// No transaction that began before can still be at work; microseconds since 2000-01-01.
  var settled = Int64.min
  /// Columns that the target computes itself, as its refusals told.
  var leftOut: Set<String> = []
  /// Where this pass began to read, inclusive; nil is the very start.
  var bound: JSONToken?
  /// Whether a batch of this pass was read back and compared.
  var hasReadBack = false
  /// Whether rows were written since JSON nulls were counted last.
  var hasWrittenSinceCount = false
  var feed: LaneFeed
  /// Whether the lane looks at what the feed named.
  var isForFeed = false
  /// Nothing of the table was copied yet, and the pass under way is to copy all of it.
  var isAwaitingCopy = false
  /// This pass has copied the whole table.
  var hasCopiedWhole = false
  /// A copy by key leaves out rows whose incremental field is beyond it.
  var latest: JSONToken?
  var pageTimes = PageTimes()
  /// Wakes the lane when the feed has something for it.
  let alarm: Alarm
  /// Since the lane began.
  let elapsed: @Sendable () -> Duration
  /// Why the table stopped, as the log has it.
  private var saidFailure = ""
  /// A pass was asked for because the table stopped, and none has come to its end since.
  private var hasAskedAnew = false
  /// What earlier passes, and the feed between them, did.
  private(set) var totals = RowCounts()
  private(set) var isRetired = false
  private var turn = Turn()

  /// What all lanes of a mirror share.
  struct Surroundings: Sendable {
    let source: any MirroredProject
    let target: any MirroredProject
    let store: StateStore
    let settings: Settings
    let log: Log
    /// Microseconds since 2000-01-01.
    let now: @Sendable () -> Int64
    let progress: @Sendable (TableProgress) -> Void
    /// Asks for a pass.
    var needsPass: @Sendable (PassNeed) async -> Void = { _ in }
    /// Told the keys of rows that a reconcile found changed since the last one.
    var foundChanged: @Sendable (TableName, [RowKey]) async -> Void = { _, _ in }
    var clock: any Clock<Duration> = ContinuousClock()
    /// For the keys that the feed names, so that they do not wait behind pages; nil: the same as for passes.
    var forFeed: (source: any MirroredProject, target: any MirroredProject)?
    /// Of all lanes together.
    let load = BackfillLoad()
  }

  init(_ plan: TablePlan, _ surroundings: Surroundings, state: TableState?) {
    self.plan = plan
    self.surroundings = surroundings
    self.state =
      (state ?? TableState(field: plan.field.column, keyColumns: plan.keyColumns))
      .adapted(to: plan)
    report = Self.report(plan, self.state)
    size = PageSize(rows: surroundings.settings.batchSize)
    // A key and a version are about a tenth of a row.
    lookSize = PageSize(rows: min(10 * surroundings.settings.batchSize, PageSize.most))
    feed = LaneFeed(signals: Signals(limit: Self.mostSignals(surroundings.settings)))
    if !surroundings.settings.deletes { feed.deletes = .off }
    alarm = Alarm(surroundings.clock)
    elapsed = stopwatch(surroundings.clock)
  }

  var source: any MirroredProject {
    (isForFeed ? surroundings.forFeed?.source : nil) ?? surroundings.source
  }
  var target: any MirroredProject {
    (isForFeed ? surroundings.forFeed?.target : nil) ?? surroundings.target
  }

  /// The columns that upserts name.
  var writtenColumns: [String] { plan.columns.filter { !leftOut.contains($0) } }

  /// Of a pass that begins.
  private static func report(_ plan: TablePlan, _ state: TableState) -> TableReport {
    var report = TableReport(table: plan.name)
    report.notes = plan.notes
    report.leftOut = plan.leftOut
    report.unmirrored = plan.unmirrored
    if let reason = state.copyReason { report.notes.append("copied whole again: \(reason)") }
    return report
  }

  /// Durable with the next `save`.
  func note(_ triggers: TableTriggers) { state.triggers = triggers.added(to: state.triggers) }

  /// Makes durable what the plan means for what was known of the table. Nothing may be written before.
  func adopt() async throws(LaneStop) {
    if let reason = state.copyReason {
      surroundings.log.warning(
        "table copied whole again", ["table": plan.name.description, "reason": reason])
    }
    try await save()
  }

  /// Runs one stage; a stop goes into the report and is thrown on where it concerns more than this table.
  /// - Returns: nil where the table stopped, now or before.
  @discardableResult
  func run<Result: Sendable>(
    _ stage: @Sendable (isolated Lane) async throws(LaneStop) -> Result
  ) async throws(LaneStop) -> Result? {
    await takeTurn()
    defer { endTurn() }
    guard report.failure == nil, !isRetired else { return nil }
    let clock = ContinuousClock()
    let start = clock.now
    defer { report.elapsed += clock.now - start }
    do {
      return try await stage(self)
    } catch .table(let sentence) {
      stop(because: sentence)
      // The table may be another one since the pass looked at it. Once: the next regular pass tries again anyway.
      if !hasAskedAnew {
        hasAskedAnew = true
        await surroundings.needsPass(.all)
      }
      return nil
    } catch {
      if case .interrupted = error { report.failure = "interrupted; nothing is lost" }
      throw error
    }
  }

  private func stop(because sentence: String) {
    report.failure = sentence
    // Whoever mends the table may do so by hand.
    memory.forgetAll()
    // Passes may meet the same for days, every time with other times and counts in it.
    let words = sentence.filter { !$0.isNumber }
    guard words != saidFailure else { return }
    saidFailure = words
    surroundings.log.error("table stopped", ["table": plan.name.description, "reason": sentence])
  }

  /// Until `endTurn`, nobody else works in this lane.
  func takeTurn() async {
    if turn.take() { return }
    await withCheckedContinuation { self.waitForTurn($0) }
  }

  private func waitForTurn(_ continuation: CheckedContinuation<Void, Never>) {
    turn.wait(continuation)
  }

  func endTurn() { turn.end() }

  /// What the last pass found is forgotten: the next one looks for itself.
  func beginPass() async {
    await takeTurn()
    defer { endTurn() }
    totals.add(report)
    report = Self.report(plan, state)
    leftOut = []
    bound = nil
    isAwaitingCopy = false
    hasCopiedWhole = false
    hasReadBack = false
    // What was not taken in was committed before, and what comes now is newer than what this pass will read.
    feed.gap = nil
  }

  /// Ends the lane: it does nothing any more when this returns.
  func retire() async {
    await takeTurn()
    defer { endTurn() }
    isRetired = true
    await alarm.ring()
  }

  /// Rows since the lane began.
  var counts: RowCounts {
    var counts = totals
    counts.add(report)
    return counts
  }

  /// The table's rows have been read to their end.
  func noteEnd() {
    // All of them were written.
    if hasCopiedWhole { bound = nil }
    surroundings.progress(TableProgress(table: plan.name, rows: report.read, isDone: true))
  }

  /// Makes the lane's state durable.
  func save() async throws(LaneStop) {
    do {
      try await surroundings.store.set(state, of: plan.name)
    } catch {
      throw .state(error.description)
    }
  }

  /// - Parameter isWhole: the pass came to its end, and looked at deletes.
  func finishReport(isWhole: Bool) -> TableReport {
    report.quarantined = state.quarantine.count
    report.quarantineReason =
      state.quarantine.values.max { ($0.since, $0.reason) < ($1.since, $1.reason) }?.reason ?? ""
    report.held = state.heldDeletes
    // Deletes that are held because of these stay so until they are approved.
    if isWhole, report.failure == nil, state.heldDeletes == 0 { feed.deletedSincePass = 0 }
    if isWhole, report.failure == nil { hasAskedAnew = false }
    return report
  }

  /// The keys of a page's rows.
  func keys(of rows: JSONRows, _ indices: some Sequence<Int>) throws(LaneStop) -> [RowKey] {
    var keys: [RowKey] = []
    for index in indices { keys.append(RowKey(try values(plan.keyColumns, rows, index))) }
    return keys
  }

  /// The keys of a whole page.
  /// - Throws: where rows share one.
  func checkedKeys(of rows: JSONRows) throws(LaneStop) -> [RowKey] {
    let keys = try keys(of: rows, rows.rows.indices)
    guard Set(keys).count == keys.count else {
      throw .table(
        "\(plan.name): several rows of the source have the same "
          + "\(plan.keyColumns.joined(separator: ", ")); name columns under primaryKeys that tell "
          + "rows apart")
    }
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

/// How much time has passed since it was made.
func stopwatch<C: Clock<Duration>>(_ clock: C) -> @Sendable () -> Duration {
  let start = clock.now
  return { start.duration(to: clock.now) }
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
        "\(error.message); if the table was changed just now, the next pass finds it as it is; else run "
          + "NOTIFY pgrst, 'reload schema' there")
    case .retry:
      self = error.concernsWholeProject ? .project(error.message) : .table(error.message)
    // Nothing smaller was left to try: nobody works on it.
    case .shrink where error.isTimeout: self = .project(error.message)
    case .shrink, .split, .afterParents, .leaveOut: self = .table(error.message)
    }
  }
}
