import JSON
import Supabase

/// What a lane knows of rows by their versions.
extension Lane {
  /// The versions of a page's rows; nil where a value cannot be one.
  func versions(of rows: JSONRows) throws(LaneStop) -> [RowVersion?] {
    guard plan.field.tellsVersions else { return Array(repeating: nil, count: rows.count) }
    var versions: [RowVersion?] = []
    versions.reserveCapacity(rows.count)
    for index in rows.rows.indices {
      versions.append(plan.field.version(of: try values([plan.field.column], rows, index)[0]))
    }
    return versions
  }

  func isKnown(_ key: RowKey, _ version: RowVersion?) -> Bool {
    guard let version else { return false }
    return memory.knows(key, version.time)
  }

  /// The target was seen to have these versions: whoever wrote them may have read the rows too early.
  func remember(seen keys: [RowKey], _ versions: [RowVersion?]) {
    for (key, version) in zip(keys, versions) {
      if let version, version.isExact { memory.know(key, version.time) }
    }
  }

  /// The target has these rows of a page, which was read just now, byte for byte.
  func remember(
    same indices: some Sequence<Int>, _ keys: [RowKey], _ versions: [RowVersion?]
  ) {
    for index in indices { remember(keys[index], versions[index]) }
  }

  private func remember(_ key: RowKey, _ version: RowVersion?) {
    guard let version, version.isSettled(at: settled) else { return }
    memory.know(key, version.time)
  }

  /// Before which times no transaction can still be at work, as far as this pass knows.
  func settle(_ limits: PassLimits) {
    let horizon = limits.heldHorizon ?? limits.sourceClock - lookback
    // Clocks without a zone may be ahead of the source's.
    let ahead = plan.field.kind == .timestamp ? TimeText.microsecondsADay : 0
    settled = max(settled, horizon - ahead)
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
      remember(RowKey(values.dropLast()), plan.field.version(of: values[values.count - 1]))
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
