import JSON
import Supabase

/// Compares one table of the two projects, to its end, from where an earlier comparison stopped.
actor TableComparison {
  let plan: TablePlan
  let surroundings: Verification.Surroundings
  let readers: (source: DigestReader, target: DigestReader)
  /// Whether the source has a ledger to ask for deletes under way.
  let hasLedger: Bool
  /// A range that the target has nothing of is noted as one.
  let findsRuns: Bool
  var progress: VerifyRecord.Progress
  var suspects: [RowKey: Suspect]
  var size: ChunkSize
  var pageSize: PageSize
  /// Deletes that the mirror has not seen to, as last read.
  var pendingDeletes: (keys: Set<RowKey>, all: Bool, readAt: Duration)?
  let elapsed: @Sendable () -> Duration
  /// Ranges of keys are not the same on both sides.
  private var ordersDiffer = false
  private var record: VerifyRecord
  private var total: Int?
  private let elapsedBefore: Duration

  /// Above this many, comparing waits until some have settled.
  static let mostSuspects = 20_000
  /// Keys of one look.
  static let lookedAt = 500
  /// Rows that a part has at first.
  static let partRows = 128

  init(
    _ plan: TablePlan, way: TableVerification.Way, _ surroundings: Verification.Surroundings,
    hasLedger: Bool, findsRuns: Bool = false, record: VerifyRecord?
  ) {
    self.plan = plan
    self.surroundings = surroundings
    self.hasLedger = hasLedger
    self.findsRuns = findsRuns
    readers = (
      DigestReader(project: surroundings.source, side: .source, plan: plan),
      DigestReader(project: surroundings.target, side: .target, plan: plan)
    )
    let now = surroundings.now()
    var progress =
      record?.progress(for: plan, now: now)
      ?? VerifyRecord.Progress(TableVerification(table: plan.name, way: way, begunAt: now))
    progress.found.way = way
    progress.found.failure = nil
    progress.found.notes = []
    elapsedBefore = progress.found.elapsed
    let elapsed = stopwatch(surroundings.clock)
    self.elapsed = elapsed
    suspects = [:]
    for key in progress.suspects {
      suspects[key] = Suspect(at: elapsed(), settles: surroundings.settles)
    }
    self.progress = progress
    self.record = VerifyRecord(plan)
    self.record.result = record?.result
    self.record.running = progress
    size = ChunkSize(rows: surroundings.chunkRows, wanted: surroundings.chunkTime)
    pageSize = PageSize(rows: surroundings.batchSize)
  }

  var way: TableVerification.Way { progress.found.way }

  /// - Returns: what was found; `failure` says why it ended early where that concerns this table only.
  func run() async throws(LaneStop) -> TableVerification {
    if surroundings.wantsTotals {
      total = try? await surroundings.source.estimatedCount(of: plan.name)
    }
    do throws(LaneStop) {
      while !(try await compareOrChangeWay()) {}
      progress.found.endedAt = surroundings.now()
      progress.found.elapsed = elapsedBefore + elapsed()
      record.result = progress.found
      record.running = nil
      await surroundings.store.set(record, of: plan.name, isUrgent: true)
    } catch {
      goBack()
      await surroundings.store.write()
      guard case .table(let sentence) = error else { throw error }
      progress.found.failure = sentence
    }
    return progress.found
  }

  /// - Returns: false where it is to go on in another way; what was compared so far is not in doubt.
  private func compareOrChangeWay() async throws(LaneStop) -> Bool {
    do throws(LaneStop) {
      try await compare()
      return true
    } catch .table(let sentence) {
      let ordersDiffer = ordersDiffer
      goBack()
      if ordersDiffer, !progress.isByKey {
        progress.isByKey = true
        progress.found.targetRows = 0
        progress.found.notes.append("compared key by key: \(sentence)")
      } else if way == .digests {
        progress.found.way = .rows
        note(sentence)
      } else {
        throw .table(sentence)
      }
      return false
    }
  }

  /// Ends a comparison by ranges.
  func differentOrders() -> LaneStop {
    ordersDiffer = true
    return .table("the two databases order \(plan.keyColumns.joined(separator: ", ")) otherwise")
  }

  private func compare() async throws(LaneStop) {
    if !progress.isScanned {
      switch way {
      case _ where progress.isByKey: try await scanKeys()
      case .digests: try await scanDigests()
      case .rows: try await scanRows()
      }
    }
    while !suspects.isEmpty {
      try await awaitSuspects()
      await save()
    }
  }

  /// To the last point from which a comparison may go on.
  private func goBack() {
    guard let saved = record.running else { return }
    progress = saved
    ordersDiffer = false
    suspects = [:]
    for key in saved.suspects { suspect(key) }
  }

  /// Everything up to `key` has been compared; nil: everything. What was found so far and the suspects belong to
  /// this point.
  func advance(to key: RowKey?) async throws(LaneStop) {
    if let key { progress.after = key } else { progress.isScanned = true }
    surroundings.progress(plan.name, progress.found.sourceRows, total)
    await save()
    try await lookAtDue()
    await save()
    while suspects.count > Self.mostSuspects {
      try await awaitSuspects()
      await save()
    }
    if Task.isCancelled { throw .interrupted }
  }

  /// Leaves both databases to others for a while, after a chunk that took this long.
  func rest(after time: Duration) async throws(LaneStop) {
    if surroundings.rest > 0, !progress.isScanned { try await sleep(time * surroundings.rest) }
  }

  private func save() async {
    progress.found.elapsed = elapsedBefore + elapsed()
    progress.suspects = Array(suspects.keys)
    record.running = progress
    await surroundings.store.set(record, of: plan.name)
  }

  func sleep(_ time: Duration) async throws(LaneStop) {
    do {
      try await surroundings.clock.sleep(for: time)
    } catch {
      throw .interrupted
    }
  }

  func project(_ side: ComparedSide) -> any MirroredProject {
    side == .source ? surroundings.source : surroundings.target
  }

  func reader(_ side: ComparedSide) -> DigestReader {
    side == .source ? readers.source : readers.target
  }

  /// The named values of one row.
  func values(
    _ columns: [String], _ rows: JSONRows, _ index: Int
  ) throws(LaneStop) -> [JSONToken] {
    let values = ((try? rows.values(of: columns, inRow: index)) ?? []).compactMap { $0 }
    guard values.count == columns.count else {
      throw .table("\(plan.name): an answer lacks a column that was asked for")
    }
    return values
  }

  func key(_ rows: JSONRows, _ index: Int) throws(LaneStop) -> RowKey {
    RowKey(try values(plan.keyColumns, rows, index))
  }

  var sameKeys: LaneStop {
    .table(
      "\(plan.name): several rows have the same \(plan.keyColumns.joined(separator: ", ")); name "
        + "columns under primaryKeys that tell rows apart")
  }
}
