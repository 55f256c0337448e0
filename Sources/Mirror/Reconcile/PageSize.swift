/// How many rows to ask for: as many as the server, the bodies' size and the time allow.
package struct PageSize: Hashable, Sendable {
  /// Rows for the next request.
  package private(set) var rows: Int
  /// What this pass does not go above: the server's own cap, once it has shown itself, or what was left after
  /// a request that was too large.
  package private(set) var cap: Int?
  /// A body past this is made shorter.
  static let mostBytes = 2 << 20
  /// How large bodies come to be: less than is too large, as rows are not all of one size.
  static let goal = mostBytes / 8 * 7
  /// Larger pages are hardly faster, and memory is counted in pages.
  static let most = 5_000
  /// Pages that come so fast may be many times as long, others at most twice.
  static let swift: Duration = .milliseconds(250)
  static let growBelowTime: Duration = .milliseconds(500)
  static let largestStep = 8

  package init(rows: Int) { self.rows = max(1, rows) }

  /// A page of `count` rows and `bytes` came for a limit of `asked` after `elapsed`.
  ///
  /// - Parameter isFollowed: more rows came after it, so where it is short, the server gives no more at once.
  package mutating func came(
    count: Int, asked: Int, bytes: Int, elapsed: Duration, isFollowed: Bool = true
  ) {
    // The end of a run of one value.
    guard count > 0 else { return }
    if count < asked {
      guard isFollowed else { return }
      cap = min(cap ?? count, count)
      rows = min(rows, count)
    }
    let fitting = max(1, Int(clamping: Int64(count) * Int64(Self.goal) / Int64(max(1, bytes))))
    if bytes > Self.mostBytes {
      rows = min(rows, fitting)
    } else if count >= rows, elapsed < Self.growBelowTime {
      let step = elapsed < Self.swift ? Self.largestStep : 2
      rows = max(rows, min(rows * step, fitting, Self.most, cap ?? .max))
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
