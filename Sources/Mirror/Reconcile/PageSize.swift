/// How many rows to ask for: as many as the server, the bodies' size and the time allow.
package struct PageSize: Hashable, Sendable {
  /// Rows for the next request.
  package private(set) var rows: Int
  /// What this pass does not go above: the server's own cap, once it has shown itself, or what was left after
  /// a request that was too large.
  package private(set) var cap: Int?
  /// A body past this is made shorter.
  package var mostBytes = 4 << 20

  /// Larger pages are hardly faster, and memory is counted in pages.
  static let most = 5_000
  /// A body that grows past this is not made longer.
  static let growBelowBytes = 1 << 20
  static let growBelowTime: Duration = .milliseconds(500)

  package init(rows: Int) { self.rows = max(1, rows) }

  /// A page of `count` rows and `bytes` came for a limit of `asked` after `elapsed`, and more rows followed it.
  package mutating func cameFull(count: Int, asked: Int, bytes: Int, elapsed: Duration) {
    // The end of a run of one value.
    guard count > 0 else { return }
    if count < asked {
      cap = min(cap ?? count, count)
      rows = min(rows, count)
    }
    if bytes > mostBytes {
      rows = max(1, min(rows, count * (mostBytes / 2) / bytes))
    } else if bytes < Self.growBelowBytes, elapsed < Self.growBelowTime, count >= rows {
      rows = min(rows * 2, max(rows, Self.most), cap ?? .max)
    }
  }

  /// A request of this size was refused or took too long.
  /// - Returns: false where it cannot become smaller.
  package mutating func shrink() -> Bool {
    guard rows > 1 else { return false }
    rows /= 2
    cap = min(cap ?? rows, rows)
    return true
  }
}
