import JSON
import Supabase

/// Keys and versions, in the order of cursors: what a pass looks at before it fetches rows.
struct WindowPage {
  let rows: JSONRows
  /// Where the scan stood before this page.
  let start: Scan
  /// Nothing comes after it.
  let isLast: Bool
}

/// How far the target has been looked at for what the source's pages show.
struct TargetLook {
  var scan: Scan
  var reached = FieldPosition.beforeAll
  var isAtEnd = false
  /// It has kept up with the source's pages; else what they show last was known without it.
  var isCurrent = false
  /// It began with the first page, and has left nothing out.
  var isWhole = true
  /// Of the memory when the look began.
  let losses: Int
}

extension TargetLook {
  /// Begins at the page where it has not kept up.
  fileprivate mutating func catchUp(with page: WindowPage, isNeeded: Bool) {
    if isNeeded, !isCurrent, scan != page.start {
      scan = page.start
      isAtEnd = false
      reached = .beforeAll
      isWhole = false
    }
    isCurrent = isNeeded
  }
}

/// The pass over a table whose rows tell by their versions whether the target has them: it reads keys and versions,
/// then only those rows that are not known to be on the target.
extension Lane {
  func reconcileWindow(from start: WindowStart, _ limits: PassLimits) async throws(LaneStop) {
    let before = state.checkpoint.flatMap(plan.field.position)
    bound = start.bound
    memory.keep(from: start.least)
    var scan = Scan(plan, from: start.stage)
    var look = TargetLook(scan: scan, losses: memory.losses)
    var (page, course) = try await openWindow(scan, limits, before)
    var isCopied = false
    while let read = page {
      let missing = try await missing(in: read, from: start, &look)
      if missing.count == read.rows.count, !read.rows.isEmpty, !read.isLast,
        memory.isWhole(from: start.least)
      {
        // All of it is new, as after a long pause: whole pages, one ahead of the other.
        guard let next = try await copyPages(read.start, course) else {
          isCopied = true
          break
        }
        state.scan = nil
        scan = next
      } else {
        try await fetch(missing, of: read, course)
        let last = read.rows.rows.indices.last
        if let last { moveCheckpoint(to: try cursor(read.rows, last).field, course.cap) }
        try await save()
        if read.isLast { break }
        if try isEnd(read, &scan, course) { break }
      }
      surroundings.progress(TableProgress(table: plan.name, rows: report.read))
      // What these write is known when the next page is looked at, and its rows are fetched after that.
      _ = try await applySignals()
      page = try await lookAhead(scan)
    }
    if plan.field.isNullable, !isCopied {
      _ = try await copyPages(Scan(plan, from: .withoutValue(after: nil)), course)
    }
    try await closeScan(limits)
  }

  /// The first look: counted, so that one that shows everything needs no second, nor the newest row.
  private func openWindow(
    _ scan: Scan, _ limits: PassLimits, _ before: FieldPosition?
  ) async throws(LaneStop) -> (WindowPage?, ScanCourse) {
    if let page = try await readLook(scan, from: source, isCounted: true), page.isComplete {
      let read = WindowPage(rows: page.rows, start: scan, isLast: true)
      let cap = try cap(limits, seen: page.rows)
      return (read, ScanCourse(newest: nil, cap: cap, before: before, isWindow: true))
    }
    // Known before the first page of many is read, as what commits between two of them may be older than both.
    let newest = try await newestRow(upTo: nil)
    let course = ScanCourse(
      newest: newest, cap: try await cap(limits, newest), before: before, isWindow: true)
    return (newest == nil ? nil : try await lookAhead(scan), course)
  }

  /// Where all rows from the pass's start on were seen at one moment.
  private func cap(_ limits: PassLimits, seen rows: JSONRows) throws(LaneStop) -> FieldPosition {
    let clock = FieldPosition.at(limits.horizon ?? limits.sourceClock)
    if plan.field.kind == .timestampWithTimeZone { return clock }
    for index in rows.rows.indices.reversed() {
      let value = try values([plan.field.column], rows, index)[0]
      if let position = plan.field.position(of: value), position <= clock { return position }
    }
    return .beforeAll
  }

  private func lookAhead(_ scan: Scan) async throws(LaneStop) -> WindowPage? {
    guard scan.isOrdered, let page = try await readLook(scan, from: source) else { return nil }
    return WindowPage(rows: page.rows, start: scan, isLast: false)
  }

  /// Moves behind the page.
  /// - Returns: whether the order ends there.
  private func isEnd(
    _ page: WindowPage, _ scan: inout Scan, _ course: ScanCourse
  ) throws(LaneStop) -> Bool {
    let rows = page.rows
    let last = rows.isEmpty ? nil : try cursor(rows, rows.count - 1)
    scan.advance(first: rows.isEmpty ? nil : try cursor(rows, 0), last: last, lastKey: nil)
    if let last, try reaches(course.newest, rows, last) { return true }
    return !scan.isOrdered || scan.stage == .finished
  }

  /// One page of keys and versions; nil at the scan's end, or where counting took too long.
  private func readLook(
    _ scan: Scan, from project: any MirroredProject, isCounted: Bool = false
  ) async throws(LaneStop) -> Page? {
    while var query = scan.query(limit: lookSize.rows, columns: lookColumns) {
      query.isCounted = isCounted
      do throws(PostgRESTError) {
        let page = try await project.read(query)
        if let total = page.total, total > page.rows.count {
          lookSize.came(
            count: page.rows.count, asked: query.limit, bytes: page.rows.bytes.count,
            elapsed: .zero)
        }
        return page
      } catch {
        guard error.isCuredBySmallerPage else { throw LaneStop(error) }
        if isCounted { return nil }
        guard lookSize.shrink() else { throw LaneStop(error) }
      }
    }
    return nil
  }

  /// The order's columns hold the key's.
  private var lookColumns: [String] { plan.orderColumns }

  /// The rows of a page that are not known to be on the target, in quarantine left out.
  private func missing(
    in page: WindowPage, from start: WindowStart, _ look: inout TargetLook
  ) async throws(LaneStop) -> [Int] {
    let rows = page.rows
    guard !rows.isEmpty else { return [] }
    let keys = try checkedKeys(of: rows)
    let versions = try versions(of: rows)
    func isKnown(_ index: Int) -> Bool { self.isKnown(keys[index], versions[index]) }
    let open = rows.rows.indices.filter { state.quarantine[keys[$0]] == nil }
    var missing = open.filter { !isKnown($0) }
    if !memory.isWhole(from: start.least) {
      let last = plan.field.position(of: try cursor(rows, rows.count - 1).field) ?? .afterAll
      var waiting = missing.filter { versions[$0]?.isExact == true }
      look.catchUp(with: page, isNeeded: !waiting.isEmpty)
      var vain = 0
      // Both sides come in one order, or nearly so: what does not come soon is not there.
      while !waiting.isEmpty, !look.isAtEnd, look.reached <= last, vain < Self.mostVainLooks {
        try await lookAtTarget(&look, start)
        let count = waiting.count
        waiting.removeAll(where: isKnown)
        vain = waiting.count < count ? 0 : vain + 1
      }
      // What was found may be forgotten again where the memory is full.
      let left = Set(waiting)
      missing.removeAll { versions[$0]?.isExact == true && !left.contains($0) }
    }
    report.unchanged += open.count - missing.count
    return missing
  }

  private static var mostVainLooks: Int { 3 }

  /// Reads the next keys and versions that the target has.
  private func lookAtTarget(
    _ look: inout TargetLook, _ start: WindowStart
  ) async throws(LaneStop) {
    let isFirst = look.scan.stage == start.stage
    var read = try await readLook(look.scan, from: target, isCounted: isFirst)
    if read == nil, isFirst { read = try await readLook(look.scan, from: target) }
    guard let page = read else {
      look.isAtEnd = true
      return
    }
    let rows = page.rows
    remember(seen: try keys(of: rows, rows.rows.indices), try versions(of: rows))
    let last = rows.isEmpty ? nil : try cursor(rows, rows.count - 1)
    look.scan.advance(first: rows.isEmpty ? nil : try cursor(rows, 0), last: last, lastKey: nil)
    if let last { look.reached = plan.field.position(of: last.field) ?? look.reached }
    if page.isComplete || !look.scan.isOrdered || look.scan.stage == .finished {
      look.isAtEnd = true
      if look.isWhole { memory.becameWhole(from: start.least, losses: look.losses) }
    }
  }

  /// Fetches these rows of a page of keys, whole, and writes what the target lacks.
  private func fetch(
    _ missing: [Int], of page: WindowPage, _ course: ScanCourse
  ) async throws(LaneStop) {
    let runs = RowRuns(missing)
    for range in runs.ranges {
      let start =
        range.lowerBound == 0
        ? page.start : Scan(plan, from: .after(try cursor(page.rows, range.lowerBound - 1)))
      try await fetch(
        range.count, from: start, upTo: try cursor(page.rows, range.upperBound - 1), course)
    }
    let keys = try keys(of: page.rows, runs.scattered)
    // Requests may become smaller on the way.
    let step = size.rows
    for start in stride(from: 0, to: keys.count, by: step) {
      let reading = try await sourceRows(Array(keys[start..<min(start + step, keys.count)]))
      for rows in reading.pages {
        try await take(rows, comparing: .unversioned, before: course.before)
      }
    }
  }

  /// Fetches a stretch of the order, in which there were so many rows. Its end is a place, not their number: others
  /// may have come between them.
  private func fetch(
    _ count: Int, from start: Scan, upTo last: Cursor, _ course: ScanCourse
  ) async throws(LaneStop) {
    var scan = start
    var left = count
    while scan.isOrdered, let page = try await readPage(scan, atMost: max(left, 1)) {
      let rows = page.rows
      let end = rows.isEmpty ? nil : try cursor(rows, rows.count - 1)
      if end != nil {
        try await take(rows, comparing: try comparison(rows, course), before: course.before)
      }
      scan.advance(first: rows.isEmpty ? nil : try cursor(rows, 0), last: end, lastKey: nil)
      left -= rows.count
      if let end, try reaches(last, rows, end) { return }
    }
  }
}
