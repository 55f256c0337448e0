import JSON
import Supabase

/// Where the two sides order keys otherwise, no range of keys holds the same rows on both. Then each side's keys are
/// listed in its own order, and the other side is asked for the same keys.
extension TableComparison {
  func scanKeys() async throws(LaneStop) {
    while !progress.isSourceListed {
      let start = ContinuousClock.now
      guard let (keys, digests) = try await list(after: progress.after, at: .source) else {
        progress.isSourceListed = true
        progress.after = nil
        break
      }
      let others = try await look(keys, at: .target)
      for (index, key) in keys.enumerated() where digests[index] != others[index] { suspect(key) }
      progress.found.sourceRows += keys.count
      try await advance(to: keys.last)
      try await rest(after: ContinuousClock.now - start)
    }
    // Of rows on both sides all is known by now.
    while let (keys, _) = try await list(after: progress.after, at: .target) {
      let start = ContinuousClock.now
      let others = try await look(keys, at: .source)
      for (key, other) in zip(keys, others) where other.rows == 0 { suspect(key) }
      progress.found.targetRows += keys.count
      try await advance(to: keys.last)
      try await rest(after: ContinuousClock.now - start)
    }
    try await advance(to: nil)
  }

  /// The next keys of one side and what it has of them; nil at its end.
  private func list(
    after key: RowKey?, at side: ComparedSide
  ) async throws(LaneStop) -> ([RowKey], [RangeDigest])? {
    let range = KeySpan(lower: key, upper: nil)
    var keys: [RowKey] = []
    var digests: [RangeDigest] = []
    switch way {
    case .digests:
      for part in try await cut([range], at: side, partRows: 1, mostRows: 4_096)[0].parts {
        guard let key = part.lastKey else { continue }
        keys.append(key)
        digests.append(part.digest)
      }
    case .rows:
      let rows = try await read(range, at: side)
      for index in rows.rows.indices {
        keys.append(try self.key(rows, index))
        digests.append(Self.digest(of: rows.row(index)))
      }
    }
    return keys.isEmpty ? nil : (keys, digests)
  }

  private func look(
    _ keys: [RowKey], at side: ComparedSide
  ) async throws(LaneStop) -> [RangeDigest] {
    var digests: [RangeDigest] = []
    for start in stride(from: 0, to: keys.count, by: Self.lookedAt) {
      digests += try await digestResult(
        Array(keys[start..<min(start + Self.lookedAt, keys.count)]), at: side
      ).get()
    }
    return digests
  }
}
