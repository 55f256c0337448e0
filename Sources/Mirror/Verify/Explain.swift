import JSON
import Supabase

extension TableComparison {
  /// Says of keys that stayed different what they lack: reads their rows on both sides, value by value as PostgREST
  /// writes them, and asks what the mirror knows of them.
  func explain(_ keys: [RowKey]) async throws(LaneStop) {
    for start in stride(from: 0, to: keys.count, by: 100) {
      try await explain(some: Array(keys[start..<min(start + 100, keys.count)]))
    }
  }

  private func explain(some keys: [RowKey]) async throws(LaneStop) {
    async let ofSource = rowsResult(keys, at: .source)
    async let ofTarget = rowsResult(keys, at: .target)
    let results = (await ofSource, await ofTarget)
    let (source, target) = (try results.0.get(), try results.1.get())
    let state = await surroundings.state(plan.name)
    var same: [RowKey] = []
    // Nothing is noted before all is known: this may be interrupted.
    var notes: [(fault: TableVerification.Fault, columns: [String])] = []
    func note(
      _ kind: TableVerification.Kind, _ key: RowKey, columns: [String] = [],
      version: JSONToken? = nil, isNewer: Bool = false
    ) {
      var fault = TableVerification.Fault(kind, key)
      fault.version = version
      fault.isNewerOnTarget = isNewer
      notes.append((fault, columns))
    }
    for key in keys {
      switch (source[key], target[key]) {
      case (nil, nil): break
      case (let row?, nil):
        note(try known(row, state) ?? .missing, key)
      case (nil, let row?):
        let version = try values([plan.field.column], row.page, row.index)[0]
        note(try await knownDelete(of: key, state) ?? .extra, key, version: version)
      case (let left?, let right?):
        if left.bytes == right.bytes {
          same.append(key)
          continue
        }
        let both = (
          try values(plan.columns, left.page, left.index),
          try values(plan.columns, right.page, right.index)
        )
        let columns = zip(plan.columns, zip(both.0, both.1)).filter { $0.1.0 != $0.1.1 }
        let version = try values([plan.field.column], right.page, right.index)[0]
        let decision = RepairDecision(
          isEqual: false, source: try values([plan.field.column], left.page, left.index)[0],
          target: version, plan.field)
        note(
          try known(left, state) ?? .different, key, columns: columns.map(\.0), version: version,
          isNewer: decision == .newerOnTarget)
      }
    }
    if !same.isEmpty, way == .digests {
      // Either it was healed just now, or JSON does not show the difference.
      let now = try await digests(of: same)
      for (index, key) in same.enumerated() where now.source[index] != now.target[index] {
        note(.uncarried, key)
      }
    }
    for note in notes {
      progress.found.note(
        note.fault, columns: note.columns, keeping: surroundings.mostFaults)
    }
    for key in keys { suspects[key] = nil }
  }

  private func rowsResult(
    _ keys: [RowKey], at side: ComparedSide
  ) async -> Result<[RowKey: FoundRow], LaneStop> {
    do throws(LaneStop) {
      return .success(try await rows(of: keys, at: side))
    } catch {
      return .failure(error)
    }
  }

  /// Why the mirror has not brought a row of the source; nil where it should have.
  private func known(
    _ row: FoundRow, _ state: TableState?
  ) throws(LaneStop) -> TableVerification.Kind? {
    guard let state, state.keyColumns == plan.keyColumns else { return nil }
    if state.quarantine[try key(row.page, row.index)] != nil { return .quarantined }
    // A copy of the whole table is under way.
    if state.backfill != nil { return .pending }
    guard state.field == plan.field.column else { return nil }
    let value = try values([plan.field.column], row.page, row.index)[0]
    guard let position = plan.field.position(of: value) else { return nil }
    guard let checkpoint = state.checkpoint.flatMap(plan.field.position) else { return .pending }
    return position > checkpoint ? .pending : nil
  }

  /// Why the mirror has not deleted a row that the source has no more; nil where it does not know of it.
  private func knownDelete(
    of key: RowKey, _ state: TableState?
  ) async throws(LaneStop) -> TableVerification.Kind? {
    guard hasLedger, state != nil else { return nil }
    let pending = try await pendingDeletes()
    guard pending.all || pending.keys.contains(key) else { return nil }
    return (state?.heldDeletes ?? 0) > 0 ? .held : .pending
  }

  private static var mostPendingDeletes: Int { 100_000 }

  private func pendingDeletes() async throws(LaneStop) -> (keys: Set<RowKey>, all: Bool) {
    if let known = pendingDeletes, elapsed() - known.readAt < .seconds(10) {
      return (known.keys, known.all)
    }
    let ledger = Ledger(source: surroundings.source, mirror: surroundings.mirror)
    var keys: Set<RowKey> = []
    var all = false
    var last: Int64?
    while keys.count < Self.mostPendingDeletes,
      let page = try await ledger.entries(
        of: plan.name, keyColumns: plan.keyColumns, after: last, limit: 1_000)
    {
      for entry in page.entries {
        // A truncate may have taken any row.
        if let key = entry.key { keys.insert(key) } else { all = true }
      }
      last = page.last
    }
    pendingDeletes = (keys, all, elapsed())
    return (keys, all)
  }
}
