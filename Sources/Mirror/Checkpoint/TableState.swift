package import JSON
package import Supabase

/// What is durably known of one table. It goes into the state file and nowhere else.
package struct TableState: Hashable, Sendable {
  /// The incremental field and key columns that the values below belong to.
  package var field: String
  package var keyColumns: [String]
  /// The low-water mark: every row up to this value of the field was on the target. nil: nothing copied yet.
  package var checkpoint: JSONToken?
  /// What is known of rows that could still appear behind the checkpoint; nil: they could, within the look-back.
  package var held: HeldCheckpoint?
  /// The columns that were copied when a pass last came to its end; nil: unknown. Rows copied before a column was
  /// known lack its value on the target, whatever their version says.
  package var columns: [String]?
  /// The columns that rows are copied with, and their types, durable before the first row is written with them;
  /// nil: unknown.
  package var shape: TableShape?
  /// `source`, `target`: where the table had triggers of the migration.
  package var triggers: Set<String> = []
  /// Why everything is copied again that was copied before; nil where it is not, or has been.
  package var copyReason: String?
  /// A pass that has not reached its end, to be taken up where it stopped.
  package var scan: OpenScan?
  /// The next pass reads the whole table, whatever the initial backfill says: the configuration changed so that
  /// what was known of the table no longer tells where to begin.
  package var readsAll = false
  /// A copy of the whole table that has not reached its end.
  package var backfill: OpenBackfill?
  /// The whole table was copied once, so that the incremental field has told of everything since.
  package var isCopiedWhole = false
  /// Rows the target refused, by key.
  package var quarantine: [RowKey: QuarantinedRow] = [:]
  /// Deletes that wait for approval, as of the last pass.
  package var heldDeletes = 0
  /// Rows whose jsonb null arrived as SQL NULL, as last counted over the whole table …
  package var jsonbNulls: Int?
  /// … and when, in microseconds since 2000-01-01.
  package var jsonbNullsCounted: Int64 = 0

  package init(field: String, keyColumns: [String]) {
    self.field = field
    self.keyColumns = keyColumns
  }
}

/// A pass under way.
package struct OpenScan: Hashable, Sendable {
  /// Everything up to here is on the target or in quarantine.
  package var cursor: Cursor
  /// How far the checkpoint may go when the pass ends: what could still commit then is newer, or within the
  /// look-back. nil: no limit was known.
  package var cap: JSONToken?

  package init(cursor: Cursor, cap: JSONToken?) {
    self.cursor = cursor
    self.cap = cap
  }
}

/// Why the target refused a row.
package struct QuarantinedRow: Hashable, Sendable {
  /// SQLSTATE or PGRST code; empty where there was none.
  package var code: String
  /// A sentence without row data.
  package var reason: String
  package var attempts: Int
  /// Microseconds since 2000-01-01.
  package var since: Int64

  package init(code: String, reason: String, attempts: Int = 1, since: Int64) {
    self.code = code
    self.reason = reason
    self.attempts = attempts
    self.since = since
  }
}

extension TableState {
  /// What of this is still true under a configuration that may have changed since.
  ///
  /// A checkpoint means nothing for another field, a cursor or a quarantined key nothing for other key columns.
  /// Where quarantined keys can no longer be named, the whole table is read again, so that none is forgotten. A copy
  /// by key that was under way begins again.
  package func adapted(field: String, keyColumns: [String]) -> TableState {
    if field == self.field, keyColumns == self.keyColumns { return self }
    var fresh = TableState(field: field, keyColumns: keyColumns)
    fresh.heldDeletes = heldDeletes
    fresh.readsAll = true
    if keyColumns == self.keyColumns {
      fresh.quarantine = quarantine
    } else if field == self.field, quarantine.isEmpty, backfill == nil {
      fresh.checkpoint = checkpoint
      fresh.shape = shape
      fresh.triggers = triggers
      fresh.copyReason = copyReason
      fresh.readsAll = readsAll
      fresh.isCopiedWhole = isCopiedWhole
    }
    return fresh
  }
}
