import JSON
import Supabase

extension TableRepair {
  // A run of missing rows

  /// Page by page, the next one read while one is written.
  func copy(_ span: KeySpan) async throws(LaneStop) {
    var place = KeyPlace(plan.keyColumns, after: span.lower?.values)
    let end = span.upper?.values
    var read = try await pageResult(place, upTo: end).get()
    while let current = read {
      let page = current.page
      place.advance(to: page.isEmpty ? nil : page.last, upTo: end)
      let next = place
      async let following = pageResult(next, upTo: end)
      do throws(LaneStop) {
        try await insert(page)
      } catch {
        _ = await following
        throw error
      }
      read = try await following.get()
      size.came(
        count: page.count, asked: current.asked, bytes: page.bytes.count,
        elapsed: current.elapsed, isFollowed: read?.page.isEmpty == false)
      if Task.isCancelled { throw .interrupted }
    }
  }

  private struct ReadPage: Sendable {
    let page: RawPage
    let asked: Int
    let elapsed: Duration
  }

  /// nil at the end.
  private func pageResult(
    _ place: KeyPlace, upTo end: [JSONToken]?
  ) async -> Result<ReadPage?, LaneStop> {
    while true {
      let asked = size.rows
      guard
        let query = place.query(plan.name, columns: plan.columns, upTo: end, limit: asked)
      else { return .success(nil) }
      do throws(PostgRESTError) {
        let start = ContinuousClock.now
        let page = try await source.page(query, lastOf: plan.keyColumns)
        return .success(
          ReadPage(page: page, asked: asked, elapsed: ContinuousClock.now - start))
      } catch {
        guard error.isCuredBySmallerPage, size.shrink() else { return .failure(LaneStop(error)) }
      }
    }
  }

  private func insert(_ page: RawPage) async throws(LaneStop) {
    guard !page.isEmpty else { return }
    let written: Int?
    do throws(PostgRESTError) {
      written = try await target.insert(
        page.bytes, into: plan.name, keyColumns: plan.keyColumns,
        columns: await lane.writtenColumns)
    } catch {
      // A column that is to be left out is found by who writes rows.
      if case .leaveOut = Recovery(for: error) {
        return try await insert(try rows(of: page))
      }
      return try await insert(try rows(of: page), after: error)
    }
    if let written, written < page.count {
      try await settle(try rows(of: page), inserted: written)
    } else {
      report.inserted += page.count
      tell()
    }
  }

  private func rows(of page: RawPage) throws(LaneStop) -> JSONRows {
    guard let rows = try? page.rows(), rows.count == page.count else {
      throw .project("the source sent a page of \(plan.name) that is not what it said; try again")
    }
    return rows
  }

  // Missing rows by themselves

  func insert(_ keys: [RowKey]) async throws(LaneStop) {
    var found = 0
    for page in try await sourceRows(keys) {
      found += page.count
      try await insert(page)
    }
    report.gone += max(0, keys.count - found)
    tell()
  }

  func sourceRows(_ keys: [RowKey]) async throws(LaneStop) -> [JSONRows] {
    try await comparison.pages(of: keys, at: .source, atMost: Self.keysTogether)
      .filter { !$0.isEmpty }
  }

  func insert(
    _ rows: JSONRows, after failed: PostgRESTError? = nil
  ) async throws(LaneStop) {
    let outcome = try await lane.write(
      rows, Array(rows.rows.indices), after: failed, isInsert: true)
    try refuse(outcome.refusals)
    guard !outcome.unclear.isEmpty else {
      report.inserted += outcome.written
      return tell()
    }
    // Those that were written in other batches are not in doubt.
    let certain = rows.count - outcome.unclear.count - outcome.refusals.count
    report.inserted += certain
    try await settle(rows, outcome.unclear, inserted: outcome.written - certain)
  }

  /// Some of these rows are on the target already. What it has may be as old as it likes, or newer.
  /// - Parameters:
  ///   - indices: nil: all of the page.
  ///   - inserted: so many of them were inserted just now; which ones cannot be told.
  private func settle(
    _ rows: JSONRows, _ indices: [Int]? = nil, inserted: Int
  ) async throws(LaneStop) {
    report.inserted += inserted
    let decided = try await decide(rows, indices ?? Array(rows.rows.indices), seen: [:])
    report.alreadyEqual += max(0, decided.equal - inserted)
    report.newer += decided.newer
    for key in decided.absent {
      refused[key] = "a trigger or rule on the target's \(plan.name) skipped the row"
    }
    if options.mode == .missingOnly {
      report.present += decided.overwrite.count
    } else {
      try await overwrite(rows, decided.overwrite)
    }
    tell()
  }

  // Different rows

  func overwrite(_ planned: [RecoveryPlan.Row]) async throws(LaneStop) {
    var seen: [RowKey: JSONToken] = [:]
    if options.overwritesNewer { for row in planned { seen[row.key] = row.version } }
    var found = 0
    for page in try await sourceRows(planned.map(\.key)) {
      found += page.count
      let decided = try await decide(page, Array(page.rows.indices), seen: seen)
      report.alreadyEqual += decided.equal
      report.newer += decided.newer
      try await overwrite(page, decided.overwrite)
      if !decided.absent.isEmpty {
        let absent = Set(decided.absent)
        let indices = try keys(of: page).enumerated().filter { absent.contains($0.element) }
        let outcome = try await lane.write(page, indices.map(\.offset), isInsert: true)
        report.inserted += outcome.written
        try refuse(outcome.refusals)
      }
    }
    report.gone += max(0, planned.count - found)
    tell()
  }

  private func overwrite(_ rows: JSONRows, _ indices: [Int]) async throws(LaneStop) {
    guard !indices.isEmpty else { return }
    let outcome = try await lane.write(rows, indices)
    report.overwritten += outcome.written
    try refuse(outcome.refusals)
  }

  struct Decided {
    var overwrite: [Int] = []
    var equal = 0
    var newer = 0
    /// The target has none of it.
    var absent: [RowKey] = []
  }

  /// Looks at what the target has of these rows of the source.
  private func decide(
    _ rows: JSONRows, _ indices: [Int], seen: [RowKey: JSONToken]
  ) async throws(LaneStop) -> Decided {
    let keys = try keys(of: rows)
    let found = try await comparison.rows(
      of: indices.map { keys[$0] }, at: .target, atMost: Self.keysTogether)
    var decided = Decided()
    for index in indices {
      guard let other = found[keys[index]] else {
        decided.absent.append(keys[index])
        continue
      }
      let decision = RepairDecision(
        isEqual: other.bytes == rows.row(index), source: try version(rows, index),
        target: try version(other.page, other.index), seen: seen[keys[index]], plan.field)
      switch decision {
      case .overwrite: decided.overwrite.append(index)
      case .equal: decided.equal += 1
      case .newerOnTarget: decided.newer += 1
      }
    }
    return decided
  }

  func version(_ rows: JSONRows, _ index: Int) throws(LaneStop) -> JSONToken {
    guard
      let values = try? rows.values(of: [plan.field.column], inRow: index), let value = values[0]
    else { throw .table("\(plan.name): an answer lacks a column that was asked for") }
    return value
  }

  private func keys(of rows: JSONRows) throws(LaneStop) -> [RowKey] {
    var keys: [RowKey] = []
    for index in rows.rows.indices {
      let values = ((try? rows.values(of: plan.keyColumns, inRow: index)) ?? []).compactMap { $0 }
      guard values.count == plan.keyColumns.count else {
        throw .table("\(plan.name): an answer lacks a column that was asked for")
      }
      keys.append(RowKey(values))
    }
    return keys
  }

  func tell() {
    options.progress(
      plan.name, report.changed + report.alreadyEqual + report.newer + report.gone)
  }
}
