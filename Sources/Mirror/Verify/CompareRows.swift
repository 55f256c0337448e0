import JSON
import Supabase

extension TableComparison {
  /// Reads every row of both sides: each page of the source, and what the target has in the same range of keys. The
  /// source's next page is read meanwhile.
  ///
  /// As with digests, a target that orders keys otherwise makes rows suspects that are none, and hides none.
  func scanRows() async throws(LaneStop) {
    var page: SourcePage? = try await pageResult(after: progress.after).get()
    while let current = page {
      async let following = followingPage(current)
      do throws(LaneStop) {
        let start = ContinuousClock.now
        try await compare(current)
        let time = max(current.elapsed, ContinuousClock.now - start)
        try await advance(to: current.upper, took: time)
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
      let rows = try await read(KeyRange(lower: key, upper: nil), at: .source)
      let upper = rows.isEmpty ? nil : try self.key(rows, rows.count - 1)
      return .success(
        SourcePage(rows: rows, upper: upper, elapsed: ContinuousClock.now - start))
    } catch {
      return .failure(error)
    }
  }

  private func compare(_ page: SourcePage) async throws(LaneStop) {
    var wanted: [RowKey: ArraySlice<UInt8>] = [:]
    for index in page.rows.rows.indices {
      wanted[try key(page.rows, index)] = page.rows.row(index)
    }
    guard wanted.count == page.rows.count else { throw sameKeys }
    progress.found.sourceRows += page.rows.count
    var cursor = progress.after
    while true {
      let rows = try await read(KeyRange(lower: cursor, upper: page.upper), at: .target)
      // Only an empty page is the end, or the range's last key.
      guard !rows.isEmpty else { break }
      progress.found.targetRows += rows.count
      for index in rows.rows.indices {
        let key = try key(rows, index)
        if wanted.removeValue(forKey: key) != rows.row(index) { suspect(key) }
        cursor = key
      }
      while suspects.count > Self.mostSuspects { try await awaitSuspects() }
      if cursor == page.upper { break }
    }
    for key in wanted.keys { suspect(key) }
    while suspects.count > Self.mostSuspects { try await awaitSuspects() }
  }

  private func read(
    _ range: KeyRange, at side: ComparedSide
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
          pageSize.cameFull(
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
