package import Supabase

/// What repairing one table did.
package struct RepairReport: Hashable, Sendable {
  package let table: TableName
  /// Rows that the target lacked.
  package var inserted = 0
  package var overwritten = 0
  package var deleted = 0
  /// Rows that were equal when their turn came.
  package var alreadyEqual = 0
  /// Rows that are newer on the target, and were left.
  package var newer = 0
  /// Rows that the target has by now and that a plan for missing ones leaves alone.
  package var present = 0
  /// Planned rows that the source has no more.
  package var gone = 0
  /// Planned deletes of rows that the source has again, or that have changed on the target since.
  package var kept = 0
  /// Deletes that wait for approval, or for other tables.
  package var held = 0
  package var heldReason = ""
  /// Rows that the target refuses to take, or to delete.
  package var refused = 0
  package var refusedReason = ""
  package var elapsed: Duration = .zero
  /// Why the table stopped before its end.
  package var failure: String?

  package init(table: TableName) { self.table = table }

  package var changed: Int { inserted + overwritten + deleted }
  package var rowsPerSecond: Int {
    elapsed > .zero ? Int(min(Double(changed) / (elapsed / .seconds(1)), 1e12)) : 0
  }
}
