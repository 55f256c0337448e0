import JSON
import Supabase

/// Carries out one table's part of a plan. Every row is read at the source at the moment of its repair; what the
/// target has of it is looked at before it is written over.
actor TableRepair {
  let work: RecoveryPlan.Table
  let options: Options
  let plan: TablePlan
  /// Writes, and finds out what is wrong with a batch.
  let lane: Lane
  /// Reads rows by their keys, on either side.
  let comparison: TableComparison
  var report: RepairReport
  var size: PageSize
  /// Refused when they were written: they may need others.
  var refused: [RowKey: String] = [:]

  struct Options: Sendable {
    let mode: RecoveryPlan.Mode
    let overwritesNewer: Bool
    /// Requests at once.
    let width: Int
    /// Rows may need others of their own table, in any order: that many are refused at first says nothing.
    let isCircular: Bool
    /// Rows of this table that were dealt with.
    let progress: @Sendable (TableName, Int) -> Void
  }

  /// What one worker does at a time.
  enum Unit: Sendable {
    case run(KeySpan)
    case missing([RowKey])
    case different([RecoveryPlan.Row])
  }

  /// Of one unit: as many small keys as a URL holds.
  static let keysTogether = 1_000

  init(
    _ work: RecoveryPlan.Table, _ options: Options, _ lane: Lane, _ comparison: TableComparison
  ) {
    self.work = work
    self.options = options
    self.lane = lane
    self.comparison = comparison
    plan = lane.plan
    report = RepairReport(table: plan.name)
    size = PageSize(rows: lane.surroundings.settings.batchSize)
  }

  var source: any MirroredProject { lane.surroundings.source }
  var target: any MirroredProject { lane.surroundings.target }

  /// Writes what is missing or different.
  func write() async throws(LaneStop) {
    try await carryOut(units)
  }

  /// Tries refused rows once more, as those that they need may have come.
  /// - Returns: whether fewer are refused now.
  func retryRefused() async throws(LaneStop) -> Bool {
    let before = refused.count
    guard before > 0, report.failure == nil else { return false }
    let keys = Array(refused.keys)
    refused = [:]
    try await carryOut(Self.pieces(of: keys).map { .missing($0) })
    return refused.count < before
  }

  private var units: [Unit] {
    work.runs.map { .run($0.span) } + Self.pieces(of: work.missing).map { .missing($0) }
      + Self.pieces(of: work.different).map { .different($0) }
  }

  static func pieces<Element>(of elements: [Element]) -> [[Element]] {
    stride(from: 0, to: elements.count, by: keysTogether).map {
      Array(elements[$0..<min($0 + keysTogether, elements.count)])
    }
  }

  /// Several at once; the first stop ends all. One that concerns this table only goes into the report.
  private func carryOut(_ units: [Unit]) async throws(LaneStop) {
    let start = ContinuousClock.now
    var stop: LaneStop?
    await withTaskGroup(of: LaneStop?.self) { group in
      var waiting = units[...]
      func begin() {
        guard let unit = waiting.popFirst() else { return }
        group.addTask { await self.result(of: unit) }
      }
      for _ in 0..<max(1, options.width) { begin() }
      for await end in group {
        if let end, stop == nil {
          stop = end
          group.cancelAll()
        }
        if stop == nil { begin() }
      }
    }
    report.elapsed += ContinuousClock.now - start
    note(refused)
    if let stop { try note(stop) }
  }

  /// - Throws: where there are too many: something is wrong with the table then, not with rows.
  func refuse(_ refusals: [Refusal]) throws(LaneStop) {
    for refusal in refusals { refused[refusal.key] = refusal.reason }
    let limit = lane.surroundings.settings.quarantineLimit
    guard !options.isCircular, refused.count > limit, let last = refusals.last else { return }
    throw .table(
      "the target refuses more than \(limit) rows of \(plan.name), last because: \(last.reason); mend "
        + "the cause on the target, or raise SYNC_QUARANTINE_LIMIT")
  }

  private func note(_ refused: [RowKey: String]) {
    report.refused = refused.count
    report.refusedReason = refused.values.min() ?? ""
  }

  func note(_ stop: LaneStop) throws(LaneStop) {
    guard case .table(let sentence) = stop else {
      if case .interrupted = stop {
        report.failure = "interrupted; run it again, what is done is found equal"
      }
      throw stop
    }
    report.failure = sentence
  }

  private func result(of unit: Unit) async -> LaneStop? {
    do throws(LaneStop) {
      switch unit {
      case .run(let span): try await copy(span)
      case .missing(let keys): try await insert(keys)
      case .different(let rows): try await overwrite(rows)
      }
      return nil
    } catch {
      return error
    }
  }
}
