package import JSON

/// A position in a table's total order: the incremental field's value, then the key's values, raw as PostgREST
/// wrote them.
package struct Cursor: Hashable, Sendable {
  /// One value for each of `TablePlan.orderColumns`.
  package let values: [JSONToken]

  package init(_ values: [JSONToken]) { self.values = values }

  /// The incremental field's value.
  package var field: JSONToken { values[0] }
  /// What tells rows of one field value apart.
  package var rest: [JSONToken] { Array(values.dropFirst()) }
}
