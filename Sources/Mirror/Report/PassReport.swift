package import Supabase

/// What one pass did to one table.
package struct TableReport: Sendable {
  package let table: TableName
  /// Rows read at the source whole (by page and by key).
  package var read = 0
  /// Rows written to the target.
  package var upserted = 0
  /// Rows looked at that the target already had: in the same version, or byte for byte.
  package var unchanged = 0
  package var deleted = 0
  /// Deletes that wait for approval.
  package var held = 0
  /// Rows now in quarantine.
  package var quarantined = 0
  /// Why, of the row that was refused last; empty where there is none.
  package var quarantineReason = ""
  package var elapsed: Duration = .zero
  /// The age of the oldest thing not yet on the target; nil where the table has no timestamp to tell by.
  package var lag: Duration?
  /// Why the table stopped before its end, and what to do; nil where it did not.
  package var failure: String?
  /// What a person should know and that is not a failure (limits, columns left out).
  package var notes: [String] = []
  /// Columns of the source that the target lacks; `unmirrored` says what mends each.
  package var leftOut: [String] = []
  /// Things not mirrored in this table although they should be (e.g. jsonb nulls, deletes without a ledger): each sets the exit code.
  package var unmirrored: [String] = []

  package init(table: TableName) { self.table = table }

  package var isClean: Bool {
    held == 0 && quarantined == 0 && failure == nil && unmirrored.isEmpty
  }
}

/// Rows of one table over a time.
package struct RowCounts: Hashable, Sendable {
  package var read = 0
  package var upserted = 0
  package var unchanged = 0
  package var deleted = 0

  package init() {}

  mutating func add(_ report: TableReport) {
    read += report.read
    upserted += report.upserted
    unchanged += report.unchanged
    deleted += report.deleted
  }
}

/// What one pass did.
package struct PassReport: Sendable {
  package var tables: [TableReport] = []
  /// Set where the pass ended early because no table can go on: the sentence for the operator.
  package var stopped: String?
  /// What `stopped` is about.
  package var stopKind = StopKind.project
  /// What is not mirrored in any table although it should be (e.g. deletes without a ledger): sets the exit code.
  package var unmirrored: [String] = []
  package var elapsed: Duration = .zero

  package init() {}

  package enum StopKind: Sendable {
    /// A project cannot be reached or refuses the key.
    case project
    /// The two projects are one, or the configuration fits no table.
    case configuration
    /// The state file cannot be written, or the pass was interrupted.
    case here
  }
}
