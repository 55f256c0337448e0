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
