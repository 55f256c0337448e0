package import Supabase

/// How far the copying of one table is. Told after every page that is durable on the target, from any thread.
package struct TableProgress: Hashable, Sendable {
  package let table: TableName
  /// Rows read of the table: by this pass, or by all runs of an open backfill.
  package var rows: Int
  /// Of the bodies that carried them, in this run.
  package var bytes: Int
  /// How many rows the server expects the table to have; nil: unknown.
  package var estimate: Int?
  /// The whole table is being copied, by key.
  package var isBackfill: Bool
  /// The backfill, or the pass over this table, has ended.
  package var isDone: Bool

  package init(
    table: TableName, rows: Int, bytes: Int = 0, estimate: Int? = nil, isBackfill: Bool = false,
    isDone: Bool = false
  ) {
    self.table = table
    self.rows = rows
    self.bytes = bytes
    self.estimate = estimate
    self.isBackfill = isBackfill
    self.isDone = isDone
  }
}
