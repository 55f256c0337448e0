import JSON
import Supabase

extension Lane {
  /// Reads the rows changed since the checkpoint, less the look-back, and writes those the target lacks.
  func reconcile(_ limits: PassLimits) async throws(LaneStop) {
    settle(limits)
    // One that an earlier pass left open has gone past rows that were changed since.
    if state.scan != nil { try await scan(limits) }
    if let start = WindowStart(state, plan, limits, lookback: lookback) {
      try await reconcileWindow(from: start, limits)
    } else {
      try await scan(limits)
    }
  }

  /// Reads whole rows from where a pass begins to its end.
  private func scan(_ limits: PassLimits) async throws(LaneStop) {
    let before = state.checkpoint.flatMap(plan.field.position)
    let isFresh = state.scan == nil
    let opening = try await openScan(limits)
    var scan = opening.scan
    bound = opening.bound
    if opening.newest == nil { scan.endOrder() }
    keepVersions(upTo: opening)
    _ = try await copyPages(
      scan, ScanCourse(newest: opening.newest, cap: opening.cap, before: before))
    try await closeScan(isFresh ? limits : nil)
  }

  /// Copies page after page, reading the next one while this one is written.
  /// - Returns: nil at the scan's end; where to go on looking at keys, once pages hold mostly rows that are known.
  func copyPages(_ start: Scan, _ course: ScanCourse) async throws(LaneStop) -> Scan? {
    var scan = start
    var page = try await readPage(scan)
    var newer: Set<RowKey> = []
    while let read = page {
      let first = read.rows.isEmpty ? nil : try cursor(read.rows, 0)
      let last = read.rows.isEmpty ? nil : try cursor(read.rows, read.rows.count - 1)
      let lastKey =
        read.rows.isEmpty ? nil : try keys(of: read.rows, [read.rows.count - 1]).first
      let isOrdered = scan.isOrdered
      scan.advance(first: first, last: last, lastKey: lastKey)
      if isOrdered, let last, try reaches(course.newest, read.rows, last) { scan.endOrder() }
      let next = scan
      async let following = pageResult(next)
      let known: Int
      do throws(LaneStop) {
        known = try await apply(read, without: newer, last: isOrdered ? last : nil, course)
      } catch {
        _ = await following
        throw error
      }
      let result = await following
      page = try result.get()
      // Keys that the feed names now are read after that page, so it may not overwrite them.
      let applied = try await applySignals()
      newer = applied.rows
      if course.isWindow, scan.isOrdered, known * 2 > read.rows.count { return scan }
      if applied.hasAbsent, page?.rows.isEmpty == false {
        // Nor may it bring back a row that is gone, and the feed may write keys in another form than pages do.
        page = try await readPage(next)
        newer = []
      }
      if let page, !page.rows.isEmpty, scan.isOrdered == isOrdered {
        size.came(
          count: read.rows.count, asked: read.asked, bytes: read.rows.bytes.count,
          elapsed: read.elapsed)
      }
    }
    return nil
  }

  /// A page with what it took to get it.
  struct ReadPage: Sendable {
    let rows: JSONRows
    let asked: Int
    let elapsed: Duration
  }

  private func pageResult(_ scan: Scan) async -> Result<ReadPage?, LaneStop> {
    do throws(LaneStop) {
      return .success(try await readPage(scan))
    } catch {
      return .failure(error)
    }
  }

  /// The next page, smaller where the server cannot give a full one; nil at the scan's end.
  func readPage(_ scan: Scan, atMost most: Int = .max) async throws(LaneStop) -> ReadPage? {
    let clock = ContinuousClock()
    while let query = scan.query(limit: min(size.rows, most)) {
      let start = clock.now
      do throws(PostgRESTError) {
        let page = try await source.read(query)
        return ReadPage(rows: page.rows, asked: query.limit, elapsed: clock.now - start)
      } catch {
        guard error.isCuredBySmallerPage, size.shrink() else { throw LaneStop(error) }
      }
    }
    return nil
  }

  /// Writes what the target lacks of a page, then moves the cursor past it: never the other way round.
  /// - Returns: how many rows of it were known to be on the target.
  private func apply(
    _ page: ReadPage, without newer: Set<RowKey>, last: Cursor?, _ course: ScanCourse
  ) async throws(LaneStop) -> Int {
    let rows = page.rows
    guard !rows.isEmpty else { return 0 }
    let known = try await take(
      rows, without: newer, comparing: last == nil ? .all : try comparison(rows, course),
      before: course.before)
    if let last {
      state.scan = OpenScan(cursor: last, cap: course.cap.map(plan.field.token))
      moveCheckpoint(to: last.field, course.cap)
    }
    try await save()
    surroundings.progress(TableProgress(table: plan.name, rows: report.read))
    return known
  }

  /// - Parameter rows: in the order of cursors.
  func comparison(_ rows: JSONRows, _ course: ScanCourse) throws(LaneStop) -> Comparison {
    guard try isReadAgain(rows, course) else { return .none }
    return course.isWindow ? .unversioned : .all
  }

  /// Which rows are compared with the target, column by column, before they are written.
  enum Comparison {
    case none
    /// Those whose version does not tell.
    case unversioned
    case all
  }

  /// Writes what the target lacks of these rows, just read at the source.
  /// - Returns: how many are known to be on the target, by their version.
  @discardableResult
  func take(
    _ rows: JSONRows, without newer: Set<RowKey> = [], comparing comparison: Comparison,
    before: FieldPosition?
  ) async throws(LaneStop) -> Int {
    report.read += rows.count
    let keys = try checkedKeys(of: rows)
    var indices = Array(rows.rows.indices)
    // Rows in quarantine are tried on their own, so that they do not split every page they stand in.
    if !state.quarantine.isEmpty || !newer.isEmpty {
      indices.removeAll { state.quarantine[keys[$0]] != nil || newer.contains(keys[$0]) }
    }
    let count = indices.count
    var doubtful: [Int] = []
    var versions: [RowVersion?] = []
    if comparison != .none || !memory.isEmpty {
      versions = try self.versions(of: rows)
      indices.removeAll { isKnown(keys[$0], versions[$0]) }
      switch comparison {
      case .none: break
      case .unversioned: doubtful = indices.filter { versions[$0]?.isExact != true }
      case .all: doubtful = indices
      }
    }
    let known = count - indices.count
    report.unchanged += known
    if !doubtful.isEmpty {
      let same = try await unchanged(rows, keys, doubtful)
      report.unchanged += same.count
      remember(same: same, keys, versions)
      indices.removeAll { same.contains($0) }
    }
    if !indices.isEmpty {
      let outcome = try await write(rows, indices)
      report.upserted += outcome.written
      try noteLag(rows, indices, before)
      try await noteChanged(rows, keys, indices, before)
      try await readBack(rows, keys, indices, outcome)
      try refuse(outcome.refusals)
    }
    return known
  }

  /// Tells of rows changed since the last reconcile: the feed should have reported them.
  private func noteChanged(
    _ rows: JSONRows, _ keys: [RowKey], _ indices: [Int], _ before: FieldPosition?
  ) async throws(LaneStop) {
    guard let before, plan.isComparedWithFeed else { return }
    var changed: [RowKey] = []
    for index in indices {
      let value = try values([plan.field.column], rows, index)[0]
      if let position = plan.field.position(of: value), position > before {
        changed.append(keys[index])
      }
    }
    if !changed.isEmpty { await surroundings.foundChanged(plan.name, changed) }
  }

  /// Whether a page holds rows that passes read over and over: those within the look-back, and those newer than
  /// the checkpoint may go; or rows that the feed may have brought.
  private func isReadAgain(_ rows: JSONRows, _ course: ScanCourse) throws(LaneStop) -> Bool {
    guard let before = course.before else { return false }
    if feed.hasWritten { return true }
    let first = try values([plan.field.column], rows, 0)[0]
    let last = try values([plan.field.column], rows, rows.count - 1)[0]
    guard let start = plan.field.position(of: first), let end = plan.field.position(of: last)
    else { return true }
    return start <= before || course.cap.map { end > $0 } ?? false
  }

  /// The rows of a page that the target has already, byte for byte.
  func unchanged(
    _ rows: JSONRows, _ keys: [RowKey], _ indices: [Int]
  ) async throws(LaneStop) -> Set<Int> {
    let found = try await rowsOnTarget(indices.map { keys[$0] }) ?? [:]
    return Set(indices.filter { found[keys[$0]] == rows.row($0) })
  }

  /// What the target has of these keys; nil where they are too large to be read together.
  func rowsOnTarget(_ keys: [RowKey]) async throws(LaneStop) -> [RowKey: ArraySlice<UInt8>]? {
    guard !keys.isEmpty else { return [:] }
    var found: [RowKey: ArraySlice<UInt8>] = [:]
    do throws(PostgRESTError) {
      let pages = try await target.rows(
        of: plan.name, keys: keys, keyColumns: plan.keyColumns, columns: plan.columns,
        atMost: size.rows)
      for page in pages {
        for index in page.rows.rows.indices {
          guard let key = try? self.keys(of: page.rows, [index]).first else { continue }
          found[key] = page.rows.row(index)
        }
      }
    } catch {
      guard error.isCuredBySmallerPage else { throw LaneStop(error) }
      return nil
    }
    return found
  }

  func moveCheckpoint(to value: JSONToken, _ cap: FieldPosition?) {
    guard let reached = plan.field.position(of: value) else { return }
    let limited = cap.map { min($0, reached) } ?? reached
    guard limited > (state.checkpoint.flatMap(plan.field.position) ?? .beforeAll) else { return }
    // A value that was not cut keeps the source's own bytes.
    state.checkpoint = limited == reached ? value : plan.field.token(at: limited)
  }

  /// - Parameter limits: of a pass that has read everything from where it began; nil for one that took up another's
  ///   scan.
  func closeScan(_ limits: PassLimits?) async throws(LaneStop) {
    let checkpoint = state.checkpoint ?? plan.field.token(at: .beforeAll)
    state.checkpoint = checkpoint
    state.scan = nil
    state.readsAll = false
    if let limits {
      state.columns = plan.columns
      state.copyReason = nil
      // Where the horizon is unknown the checkpoint has not moved, and what was known of it stays true.
      if let horizon = limits.heldHorizon {
        state.held = HeldCheckpoint(checkpoint: checkpoint, plan.field, horizon: horizon)
      }
      if let next = WindowStart(state, plan, limits, lookback: lookback) {
        memory.keep(from: next.least)
      }
    }
    try await save()
  }

  /// How long the oldest new row of a batch took from the source's clock to the target.
  private func noteLag(
    _ rows: JSONRows, _ indices: [Int], _ before: FieldPosition?
  ) throws(LaneStop) {
    guard let before, plan.field.kind == .timestampWithTimeZone else { return }
    var oldest: Int64?
    for index in indices {
      let value = try values([plan.field.column], rows, index)[0]
      guard let position = plan.field.position(of: value), position > before,
        case .at(let time) = position
      else { continue }
      oldest = min(oldest ?? time, time)
    }
    guard let oldest else { return }
    let lag = Duration.microseconds(max(0, surroundings.now() - oldest))
    report.lag = max(report.lag ?? lag, lag)
  }
}

extension Duration {
  var microseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
  }
}
