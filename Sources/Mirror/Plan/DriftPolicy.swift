/// What becomes of a table when the source has columns that the target lacks (`SYNC_ON_DRIFT`).
package enum DriftPolicy: String, CaseIterable, Hashable, Sendable {
  /// It goes on with the columns that both have: rows that are late by a column can be mended, lost ones cannot.
  case common
  /// It stops until the target has them.
  case park
}
