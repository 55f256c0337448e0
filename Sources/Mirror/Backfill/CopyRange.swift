import JSON
import Supabase

/// What became of an order.
enum BackfillStep: Sendable {
  case copied(id: Int, Result<CopiedPage, LaneStop>)
  case probed(id: Int, offset: Int, Result<Probe, LaneStop>)
  /// Keys at even distances, ascending.
  case spread(id: Int, share: Int, Result<(keys: [[JSONToken]], isTooSlow: Bool), LaneStop>)

  struct CopiedPage: Sendable {
    var rows = 0
    var bytes = 0
    /// nil where none was asked for.
    var next: HeldPage?
  }

  enum Probe: Sendable {
    case found([JSONToken])
    /// There are not so many rows.
    case none
    case tooSlow
  }
}

extension Lane {
  func carryOut(_ order: BackfillOrder, divisor: Int) async -> BackfillStep {
    switch order {
    case .copy(let id, let held, let next):
      .copied(id: id, await copy(id, held, next, divisor))
    case .probe(let id, let place, let offset):
      .probed(id: id, offset: offset, await probe(id, place, offset))
    case .spread(let id, let place, let count, let share):
      .spread(id: id, share: share, await spread(id, place, count, share))
    }
  }

  /// The keys before which there are one, two and more shares of the rows from `place` on, as far as they are found.
  private func spread(
    _ id: Int, _ place: KeyPlace, _ count: Int, _ share: Int
  ) async -> Result<(keys: [[JSONToken]], isTooSlow: Bool), LaneStop> {
    await withTaskGroup(of: (Int, Result<BackfillStep.Probe, LaneStop>).self) { group in
      for number in 1..<count {
        group.addTask { (number, await self.probe(id, place, number * share)) }
      }
      var keys: [Int: [JSONToken]] = [:]
      var isTooSlow = false
      var stop: LaneStop?
      for await (number, result) in group {
        switch result {
        case .success(.found(let key)): keys[number] = key
        case .success(.none): break
        case .success(.tooSlow): isTooSlow = true
        case .failure(let failure): stop = stop ?? failure
        }
      }
      if let stop { return .failure(stop) }
      return .success((keys.sorted { $0.key < $1.key }.map(\.value), isTooSlow))
    }
  }

  /// Writes the page that is held and makes it durable, while the next one is read.
  private func copy(
    _ id: Int, _ held: HeldPage?, _ next: KeyPlace?, _ divisor: Int
  ) async -> Result<BackfillStep.CopiedPage, LaneStop> {
    async let following = held == nil ? nil : readHeldPage(id, next, divisor)
    var copied = BackfillStep.CopiedPage()
    var stop: LaneStop?
    if let held {
      let start = elapsed()
      do throws(LaneStop) {
        try await write(held)
        let time = elapsed() - start
        note(held, of: id)
        try await save()
        copied.rows = held.page.count
        copied.bytes = held.page.bytes.count
        await noteTimes(held, write: time)
      } catch {
        stop = error
      }
    }
    let result: Result<HeldPage?, LaneStop>?
    if held == nil {
      result = await readHeldPage(id, next, divisor)
    } else {
      result = await following
    }
    if let stop { return .failure(stop) }
    switch result {
    case .failure(let stop): return .failure(stop)
    case .success(let page): copied.next = page
    case nil: break
    }
    // A full page was taken note of when it came.
    if let held, held.page.count < held.asked, copied.next?.page.isEmpty == false {
      size.came(
        count: held.page.count, asked: held.asked, bytes: held.page.bytes.count,
        elapsed: held.elapsed)
    }
    return .success(copied)
  }

  /// Everything of the range up to the page's last row is on the target or in quarantine.
  private func note(_ held: HeldPage, of id: Int) {
    guard var range = state.backfill?[id] else { return }
    range.after = held.page.last
    range.left = range.left.map { max(0, $0 - held.page.count) }
    state.backfill?[id] = range
    state.backfill?.rows += held.page.count
  }

  private func noteTimes(_ held: HeldPage, write: Duration) async {
    // Else the time is that of waiting for the budget.
    guard surroundings.settings.maxBytesPerSecond == nil else { return }
    let lanes = await surroundings.load.lanes
    let isSlow = pageTimes.isSlow(
      rows: held.page.count, bytes: held.page.bytes.count, read: held.elapsed, write: write,
      lanes: lanes)
    if let lanes = await surroundings.load.note(isSlow: isSlow) {
      surroundings.log.info(
        isSlow ? "copying slower, a project is slow" : "copying faster again",
        ["table": plan.name.description, "lanes": "\(lanes)"])
    }
  }

  private func readHeldPage(
    _ id: Int, _ place: KeyPlace?, _ divisor: Int
  ) async -> Result<HeldPage?, LaneStop> {
    guard let place, let range = state.backfill?[id] else { return .success(nil) }
    while true {
      let rows = size.rows
      let limit = max(1, rows / divisor)
      guard
        var query = place.query(plan.name, columns: plan.columns, upTo: range.upTo, limit: limit)
      else { return .success(nil) }
      let latest = latest
      if let latest { query.filters.append(isNotLater(than: latest)) }
      let start = elapsed()
      do throws(PostgRESTError) {
        let page = try await source.page(query, lastOf: plan.keyColumns)
        guard !page.last.contains(where: \.isNull) else {
          return .failure(
            .table(
              "\(plan.name): rows of the source have no "
                + "\(plan.keyColumns.joined(separator: ", ")); name columns under primaryKeys that "
                + "are never null"))
        }
        let held = HeldPage(page: page, asked: limit, elapsed: elapsed() - start, start: place)
        size.came(
          count: page.count, asked: limit, bytes: page.bytes.count, elapsed: held.elapsed,
          isFollowed: false)
        return .success(held)
      } catch {
        guard error.isCuredBySmallerPage else { return .failure(LaneStop(error)) }
        if latest != nil {
          // Perhaps there are so many newer rows to be passed over that no page comes together in time.
          self.latest = nil
          continue
        }
        // Another lane may have made pages smaller meanwhile.
        guard size.rows < rows || size.shrink() else { return .failure(LaneStop(error)) }
        _ = await surroundings.load.note(isSlow: true)
      }
    }
  }

  private func isNotLater(than value: JSONToken) -> Filter {
    let column = plan.field.column
    let filter = Filter.lessOrEqual(column, value)
    return plan.field.isNullable ? .any([filter, .isNull(column)]) : filter
  }

  /// The key before which there are `offset` rows from `place` on. Only keys are read, from the key's index.
  private func probe(
    _ id: Int, _ place: KeyPlace, _ offset: Int
  ) async -> Result<BackfillStep.Probe, LaneStop> {
    let end = state.backfill?[id]?.upTo
    guard
      let query = place.query(
        plan.name, columns: plan.keyColumns, upTo: end, limit: 1, offset: offset)
    else { return .success(.none) }
    do throws(PostgRESTError) {
      let rows = try await source.read(query).rows
      guard !rows.isEmpty else { return .success(.none) }
      do throws(LaneStop) {
        let key = try values(plan.keyColumns, rows, 0)
        return .success(key == end || key.contains(where: \.isNull) ? .none : .found(key))
      } catch {
        return .failure(error)
      }
    } catch {
      return error.isCuredBySmallerPage ? .success(.tooSlow) : .failure(LaneStop(error))
    }
  }

  /// Writes a page as it came; its rows are looked at only where they have to be told apart.
  private func write(_ held: HeldPage) async throws(LaneStop) {
    let page = held.page
    report.read += page.count
    hasWrittenSinceCount = true
    var failed: PostgRESTError?
    // The first page is read back, row by row.
    if held.newer.isEmpty, hasReadBack {
      // Its rows are not told apart, so nothing is known of any.
      forgetVersions()
      do throws(PostgRESTError) {
        let written = try await target.upsert(
          page.bytes, into: plan.name, keyColumns: plan.keyColumns, columns: writtenColumns)
        if written.map({ $0 >= page.count }) ?? true {
          report.upserted += page.count
          return
        }
      } catch {
        // The column is found to be left out by who writes rows; another lane may have found it already.
        if case .leaveOut = Recovery(for: error) {} else { failed = error }
      }
    }
    try await writeRows(held, after: failed)
  }

  private func writeRows(_ held: HeldPage, after failed: PostgRESTError?) async throws(LaneStop) {
    guard let rows = try? held.page.rows() else {
      throw .project("the source sent a page of \(plan.name) that is not JSON; try again")
    }
    guard rows.count == held.page.count else {
      throw .project("the source sent another number of rows of \(plan.name) than it said")
    }
    let keys = try checkedKeys(of: rows)
    var indices = Array(rows.rows.indices)
    indices.removeAll { held.newer.contains(keys[$0]) }
    // Rows in quarantine are tried on their own, so that they do not split every page they stand in.
    if !state.quarantine.isEmpty { indices.removeAll { state.quarantine[keys[$0]] != nil } }
    guard !indices.isEmpty else { return }
    let outcome = try await write(
      rows, indices, after: indices.count == rows.count ? failed : nil)
    report.upserted += outcome.written
    try await readBack(rows, keys, indices, outcome)
    try refuse(outcome.refusals)
  }
}
