import JSON
import Supabase

extension TableComparison {
  func suspect(_ key: RowKey) {
    if suspects[key] == nil {
      suspects[key] = Suspect(at: elapsed(), settles: surroundings.settles)
    }
  }

  /// Sleeps until a suspect is due, and looks at it.
  func awaitSuspects() async throws(LaneStop) {
    guard let due = suspects.values.map(\.due).min() else { return }
    let wait = due - elapsed()
    if wait > .zero { try await sleep(wait) }
    try await lookAtDue()
  }

  /// Looks at every suspect that is due.
  func lookAtDue() async throws(LaneStop) {
    let time = elapsed()
    let due = suspects.filter { $0.value.due <= time }.map(\.key)
    for start in stride(from: 0, to: due.count, by: Self.lookedAt) {
      try await look(at: Array(due[start..<min(start + Self.lookedAt, due.count)]))
    }
  }

  private func look(at keys: [RowKey]) async throws(LaneStop) {
    let (source, target) = try await digests(of: keys)
    let activity = await surroundings.activity(plan.name)
    let time = elapsed()
    let now = surroundings.now()
    var faults: [RowKey] = []
    for (index, key) in keys.enumerated() {
      let verdict = suspects[key]?.look(
        source: source[index], target: target[index], at: time, now: now,
        pass: activity.pass(since:))
      switch verdict {
      case .again, nil: break
      case .equal: suspects[key] = nil
      case .fault where !surroundings.settles && target[index].rows == 0:
        progress.found.note(
          TableVerification.Fault(.missing, key), keeping: surroundings.mostFaults)
        suspects[key] = nil
      case .fault: faults.append(key)
      case .unsettled:
        progress.found.note(
          TableVerification.Fault(.unsettled, key), keeping: surroundings.mostFaults)
        suspects[key] = nil
      }
    }
    if !faults.isEmpty { try await explain(faults) }
  }

  /// What both sides have of these keys now.
  func digests(
    of keys: [RowKey]
  ) async throws(LaneStop) -> (source: [RangeDigest], target: [RangeDigest]) {
    async let ofSource = digestResult(keys, at: .source)
    async let ofTarget = digestResult(keys, at: .target)
    let results = (await ofSource, await ofTarget)
    return (try results.0.get(), try results.1.get())
  }

  func digestResult(
    _ keys: [RowKey], at side: ComparedSide
  ) async -> Result<[RangeDigest], LaneStop> {
    do throws(LaneStop) {
      switch way {
      case .digests:
        do throws(PostgRESTError) {
          return .success(try await reader(side).rows(of: keys))
        } catch {
          throw LaneStop(error)
        }
      case .rows:
        let rows = try await rows(of: keys, at: side)
        return .success(
          keys.map { key in
            guard let row = rows[key] else {
              return RangeDigest(rows: 0, sum: JSONToken(int: 0))
            }
            return Self.digest(of: row.bytes)
          })
      }
    } catch {
      return .failure(error)
    }
  }

  /// Of a row as PostgREST writes it; of use within this process only.
  static func digest(of row: ArraySlice<UInt8>) -> RangeDigest {
    RangeDigest(rows: 1, sum: JSONToken(int: row.hashValue))
  }

  /// One row as PostgREST writes it.
  struct FoundRow: Sendable {
    let bytes: ArraySlice<UInt8>
    let page: JSONRows
    let index: Int
  }

  /// What a side has of these keys. Where a key comes back in another form than it was asked for in, it is asked for
  /// alone: whatever comes then is its row.
  func rows(
    of keys: [RowKey], at side: ComparedSide, atMost: Int = 100
  ) async throws(LaneStop) -> [RowKey: FoundRow] {
    let asked = Set(keys)
    var found: [RowKey: FoundRow] = [:]
    var strangers = 0
    for page in try await pages(of: keys, at: side, atMost: atMost) {
      for index in page.rows.indices {
        let key = try key(page, index)
        if asked.contains(key) {
          found[key] = FoundRow(bytes: page.row(index), page: page, index: index)
        } else {
          strangers += 1
        }
      }
    }
    guard strangers > 0 else { return found }
    for key in keys where found[key] == nil {
      for page in try await pages(of: [key], at: side, atMost: 1) where !page.isEmpty {
        found[key] = FoundRow(bytes: page.row(0), page: page, index: 0)
      }
    }
    return found
  }

  func pages(
    of keys: [RowKey], at side: ComparedSide, atMost: Int
  ) async throws(LaneStop) -> [JSONRows] {
    var atMost = atMost
    while true {
      do throws(PostgRESTError) {
        return try await project(side).rows(
          of: plan.name, keys: keys, keyColumns: plan.keyColumns, columns: plan.columns,
          atMost: atMost
        ).map(\.rows)
      } catch {
        guard error.isCuredBySmallerPage, atMost > 1 else { throw LaneStop(error) }
        atMost /= 4
      }
    }
  }
}
