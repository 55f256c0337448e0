package import Supabase

/// Which tables a pass copies whole, by key. A copy that an earlier pass left open is taken up in any case.
package enum BackfillScope: Hashable, Sendable {
  /// Every table that was not copied whole yet.
  case missing
  /// These, also if they were.
  case tables(Set<TableName>)
  /// All of them, also if they were.
  case all
}

extension BackfillScope {
  /// Whether a pass of this scope copies the table whole.
  ///
  /// - Parameter state: what is durably known of it.
  package func includes(_ table: TableName, _ state: TableState?) -> Bool {
    if state?.backfill != nil { return true }
    return switch self {
    case .missing: state?.isCopiedWhole != true
    case .tables(let tables): tables.contains(table)
    case .all: true
    }
  }
}
