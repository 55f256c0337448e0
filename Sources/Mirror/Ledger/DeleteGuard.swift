/// Holds mass deletes for a person's approval.
package struct DeleteGuard: Hashable, Sendable {
  /// Deletes of one table in one pass above this many are held.
  package let limitRows: Int
  /// So are deletes of more than this share of the target's table, in percent …
  package let limitPercent: Int
  /// … unless they are this few: in a small table every row is a large share.
  package static let alwaysAllowed = 10

  package init(limitRows: Int, limitPercent: Int) {
    self.limitRows = limitRows
    self.limitPercent = limitPercent
  }

  package enum Verdict: Hashable, Sendable {
    case allow
    case hold
    /// Allow where the target's table has at least this many rows, else hold.
    case allowIfTableHas(rows: Int)
  }

  package func verdict(deletes: Int) -> Verdict {
    if deletes > limitRows { return .hold }
    if deletes <= Self.alwaysAllowed || limitPercent >= 100 { return .allow }
    if limitPercent <= 0 { return .hold }
    return .allowIfTableHas(rows: (deletes * 100 + limitPercent - 1) / limitPercent)
  }
}

/// Which tables' held deletes a person has approved for this pass.
package enum DeleteApproval: Hashable, Sendable {
  case none
  case tables(Set<String>)
  case all

  /// - Parameter table: `schema.table`.
  package func covers(_ table: String) -> Bool {
    switch self {
    case .none: false
    case .tables(let names): names.contains(table)
    case .all: true
    }
  }
}
