import JSON
import Supabase

/// What a lane knows of rows by their versions.
extension Lane {
  /// The versions of a page's rows; nil where one cannot tell.
  func versions(of rows: JSONRows) throws(LaneStop) -> [Int64?] {
    guard plan.field.tellsVersions else { return Array(repeating: nil, count: rows.count) }
    var versions: [Int64?] = []
    versions.reserveCapacity(rows.count)
    for index in rows.rows.indices {
      versions.append(plan.field.version(of: try values([plan.field.column], rows, index)[0]))
    }
    return versions
  }

  func isKnown(_ key: RowKey, _ version: Int64?) -> Bool {
    guard let version else { return false }
    return memory.knows(key, version)
  }

  /// The target is known to have these rows of a page.
  func remember(_ keys: [RowKey], _ versions: [Int64?], _ indices: some Sequence<Int>) {
    for index in indices {
      if let version = versions[index] { memory.know(keys[index], version) }
    }
  }

  /// Nobody knows what the target has of these rows of a page until it has answered.
  func forget(writing indices: [Int], of rows: JSONRows) throws(LaneStop) {
    if !memory.isEmpty { memory.forget(try keys(of: rows, indices)) }
  }

  /// The target has confirmed that it wrote these rows of a page.
  func remember(written batch: some Sequence<Int>, of rows: JSONRows) throws(LaneStop) {
    guard plan.field.tellsVersions else { return }
    let columns = plan.keyColumns + [plan.field.column]
    for index in batch {
      let values = try values(columns, rows, index)
      guard let version = plan.field.version(of: values[values.count - 1]) else { continue }
      memory.know(RowKey(values.dropLast()), version)
    }
  }

  /// These keys are about to be deleted. Where the feed or the ledger may write them in another form than pages do,
  /// it is not sure whose they are.
  func forget(deleted keys: [RowKey]) {
    if plan.isComparedWithFeed { memory.forget(keys) } else { memory.forgetAll() }
  }

  /// What the target has of this table may have changed by other means than `write` and the lane's deletes.
  func forgetVersions() { memory.forgetAll() }

  /// A whole copy begins: what is older than the window of the pass after it need not be remembered.
  func keepVersions(upTo opening: ScanOpening) {
    let newest = opening.newest.flatMap { plan.field.position(of: $0.field) } ?? .beforeAll
    let end = min(newest, opening.cap ?? .afterAll).moved(back: lookback)
    if case .at(let time) = end { memory.keep(from: time) } else { memory.keep(from: .min) }
  }
}
