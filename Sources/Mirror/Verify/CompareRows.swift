import JSON
import Supabase

extension TableComparison {
  /// Reads every row of both sides: each page of the source, and what the target has in the same range of keys. The
  /// source's next page is read meanwhile.
  ///
  /// As with digests, a target that orders keys otherwise makes rows suspects that are none, and hides none. Where
  /// that shows, keys are compared one by one.
  func scanRows() async throws(LaneStop) {
    var page: SourcePage? = try await pageResult(after: progress.after).get()
    while let current = page {
      async let following = followingPage(current)
      do throws(LaneStop) {
        try await compare(current)
      } catch {
        _ = await following
        throw error
      }
      page = try await following?.get()
    }
  }

  private struct SourcePage: Sendable {
    let rows: JSONRows
    /// The last row's; nil at the table's end.
    let upper: RowKey?
    let elapsed: Duration
  }

  private func followingPage(_ page: SourcePage) async -> Result<SourcePage, LaneStop>? {
    guard let upper = page.upper else { return nil }
    return await pageResult(after: upper)
  }

  private func pageResult(after key: RowKey?) async -> Result<SourcePage, LaneStop> {
    do throws(LaneStop) {
      let start = ContinuousClock.now
      let rows = try await read(KeySpan(lower: key, upper: nil), at: .source)
      let upper = rows.isEmpty ? nil : try self.key(rows, rows.count - 1)
      return .success(
        SourcePage(rows: rows, upper: upper, elapsed: ContinuousClock.now - start))
    } catch {
      return .failure(error)
    }
  }

  private func compare(_ page: SourcePage) async throws(LaneStop) {
    let start = ContinuousClock.now
    var wanted: [RowKey: ArraySlice<UInt8>] = [:]
    var places: [RowKey: Int] = [:]
    for index in page.rows.rows.indices {
      let key = try key(page.rows, index)
      wanted[key] = page.rows.row(index)
      places[key] = index
    }
    guard wanted.count == page.rows.count else { throw sameKeys }
    var lastPlace = -1
    var targetRows = 0
    var cursor = progress.after
    while true {
      let rows = try await read(KeySpan(lower: cursor, upper: page.upper), at: .target)
      // Only an empty page is the end, or the range's last key.
      guard !rows.isEmpty else {
        if findsRuns, targetRows == 0, !page.rows.isEmpty {
          progress.found.note(
            run: KeySpan(lower: progress.after, upper: page.upper), rows: page.rows.count)
          wanted = [:]
        }
        break
      }
      targetRows += rows.count
      for index in rows.rows.indices {
        let key = try key(rows, index)
        if wanted.removeValue(forKey: key) != rows.row(index) { suspect(key) }
        if let place = places[key] {
          guard place > lastPlace else { throw differentOrders() }
          lastPlace = place
        }
        cursor = key
      }
      while suspects.count > Self.mostSuspects { try await awaitSuspects() }
      if cursor == page.upper { break }
    }
    for key in wanted.keys { suspect(key) }
    while suspects.count > Self.mostSuspects { try await awaitSuspects() }
    progress.found.sourceRows += page.rows.count
    progress.found.targetRows += targetRows
    try await advance(to: page.upper)
    try await rest(after: max(page.elapsed, ContinuousClock.now - start))
  }

  func read(
    _ range: KeySpan, at side: ComparedSide
  ) async throws(LaneStop) -> JSONRows {
    var filters: [Filter] = []
    if let lower = range.lower {
      filters.append(.after(columns: plan.keyColumns, values: lower.values))
    }
    if let upper = range.upper {
      filters.append(.notAfter(columns: plan.keyColumns, values: upper.values))
    }
    while true {
      let asked = pageSize.rows
      do throws(PostgRESTError) {
        let start = ContinuousClock.now
        let rows = try await project(side).read(
          ReadQuery(
            table: plan.name, columns: plan.columns, filters: filters, order: plan.keyColumns,
            limit: asked)
        ).rows
        if side == .source {
          pageSize.came(
            count: rows.count, asked: asked, bytes: rows.bytes.count,
            elapsed: ContinuousClock.now - start)
        }
        return rows
      } catch {
        guard error.isCuredBySmallerPage, pageSize.shrink() else { throw LaneStop(error) }
      }
    }
  }
}
