package import Supabase

/// One entry of `tables.config.json`.
package struct TableConfiguration: Hashable, Sendable {
  package let name: TableName
  /// In the order that cursors compare them; at least one.
  package let primaryKeys: [String]
  /// Candidates, the first that exists on both sides is used; at least one where `reconcile` is true.
  package let incrementalFields: [String]
  package let realtime: Bool
  package let reconcile: Bool

  package init(
    name: TableName, primaryKeys: [String], incrementalFields: [String], realtime: Bool = true,
    reconcile: Bool = true
  ) {
    self.name = name
    self.primaryKeys = primaryKeys
    self.incrementalFields = incrementalFields
    self.realtime = realtime
    self.reconcile = reconcile
  }
}
