package import JSON
package import Supabase

/// What a recovery is going to do, row by row, so that it can be read, kept and carried out later. It says which rows
/// to look at, never what they hold: that is read when they are repaired.
package struct RecoveryPlan: Hashable, Sendable {
  package enum Mode: String, Hashable, Sendable, CaseIterable {
    /// Missing and different rows.
    case comprehensive
    /// Rows that the target lacks; what it has stays as it is.
    case missingOnly = "missing-only"
  }

  /// A row that the target has.
  package struct Row: Hashable, Sendable {
    package let key: RowKey
    /// The target's incremental field: with another one it is another row by now.
    package let version: JSONToken

    package init(_ key: RowKey, version: JSONToken) {
      self.key = key
      self.version = version
    }
  }

  package struct Table: Hashable, Sendable {
    package let name: TableName
    /// What the keys and rows of the plan are made of: it fits no table that has others.
    package let keyColumns: [String]
    package let columns: [String]
    package let field: String
    /// Missing rows that follow each other.
    package var runs: [TableVerification.Run] = []
    /// Missing rows by themselves.
    package var missing: [RowKey] = []
    package var different: [Row] = []
    package var extra: [Row] = []
    /// Different rows that are newer on the target, which this plan leaves alone.
    package var newer = 0
    /// Rows that were found as well and that this plan has no room for.
    package var left = 0

    package init(_ name: TableName, keyColumns: [String], columns: [String], field: String) {
      self.name = name
      self.keyColumns = keyColumns
      self.columns = columns
      self.field = field
    }

    package var missingRows: Int { runs.reduce(missing.count) { $0 + $1.rows } }
    /// Rows that it is about.
    package var rows: Int { missingRows + different.count + extra.count }

    package func fits(_ plan: TablePlan) -> Bool {
      name == plan.name && keyColumns == plan.keyColumns && columns == plan.columns
        && field == plan.field.column
    }
  }

  /// A digest of both projects' URLs.
  package let pair: String
  /// Microseconds since 2000-01-01.
  package let madeAt: Int64
  package let mode: Mode
  package let deletesExtra: Bool
  /// The source's rows go over newer ones of the target, where these are still those that were seen.
  package let overwritesNewer: Bool
  /// Parents before children, those that need nothing left out.
  package var tables: [Table]

  package init(
    pair: String, madeAt: Int64, mode: Mode, deletesExtra: Bool, overwritesNewer: Bool = false,
    tables: [Table] = []
  ) {
    self.pair = pair
    self.madeAt = madeAt
    self.mode = mode
    self.deletesExtra = deletesExtra
    self.overwritesNewer = overwritesNewer
    self.tables = tables
  }

  /// Of each kind and table: what a plan holds of rows that do not follow each other.
  package static let mostKeys = 200_000

  package var rows: Int { tables.reduce(0) { $0 + $1.rows } }
  package var left: Int { tables.reduce(0) { $0 + $1.left } }
  package var newer: Int { tables.reduce(0) { $0 + $1.newer } }
  package var extra: Int { tables.reduce(0) { $0 + $1.extra.count } }

  /// Takes what a comparison found of a table.
  package mutating func add(_ found: TableVerification, _ plan: TablePlan) {
    var table = Table(
      plan.name, keyColumns: plan.keyColumns, columns: plan.columns, field: plan.field.column)
    table.runs = found.runs
    for fault in found.faults {
      switch fault.kind {
      case .missing: table.missing.append(fault.key)
      case .different where mode == .comprehensive:
        if fault.isNewerOnTarget, !overwritesNewer {
          table.newer += 1
        } else {
          table.different.append(Row(fault.key, version: fault.version ?? .null))
        }
      case .extra where deletesExtra:
        table.extra.append(Row(fault.key, version: fault.version ?? .null))
      case .different, .extra, .pending, .held, .quarantined, .uncarried, .unsettled: break
      }
    }
    table.left =
      found[.missing] - table.missingRows
      + (mode == .comprehensive ? found[.different] - table.different.count - table.newer : 0)
      + (deletesExtra ? found[.extra] - table.extra.count : 0)
    if table.rows + table.newer + table.left > 0 { tables.append(table) }
  }
}
