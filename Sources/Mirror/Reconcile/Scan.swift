package import JSON
package import Supabase

/// Which page to ask for next: keyset by (incremental field, key) as one total order, from a lower bound to an
/// empty page. A short page is no end, because a server's row cap shortens pages without a word.
///
/// Rows without a value in the field stand in no such order; where the column allows them, they are read last,
/// by key, in every pass.
package struct Scan: Hashable, Sendable {
  package enum Stage: Hashable, Sendable {
    /// From the lower bound, inclusive; nil is the very start.
    case from(JSONToken?)
    case after(Cursor)
    /// Inside a run of rows of one field value: by key alone, so that a run of any length costs each page the same.
    case withinTie(Cursor)
    case beyond(JSONToken)
    /// Rows whose field is null, after this key.
    case withoutValue(after: [JSONToken]?)
    case finished
  }

  package private(set) var stage: Stage
  private let plan: TablePlan

  package init(_ plan: TablePlan, from stage: Stage) {
    self.plan = plan
    self.stage = stage
  }

  /// Begins at the lower bound, inclusive; nil copies from the very start.
  package init(_ plan: TablePlan, from bound: JSONToken?) {
    self.init(plan, from: .from(bound))
  }

  /// Whether rows come in the order of cursors; those without a value in the field come after, by key.
  package var isOrdered: Bool {
    if case .withoutValue = stage { false } else { true }
  }

  /// nil once everything has been read.
  /// - Parameter columns: nil is all of the plan's.
  package func query(limit: Int, columns: [String]? = nil) -> ReadQuery? {
    let field = plan.field.column
    let filters: [Filter]
    var order = plan.orderColumns
    switch stage {
    case .from(nil): filters = plan.field.isNullable ? [.isNotNull(field)] : []
    case .from(.some(let bound)): filters = [.greaterOrEqual(field, bound)]
    case .after(let cursor): filters = [.after(columns: plan.orderColumns, values: cursor.values)]
    case .withinTie(let cursor):
      filters = [
        .equal(field, cursor.field), .after(columns: plan.tieColumns, values: cursor.rest),
      ]
      order = plan.tieColumns
    case .beyond(let value): filters = [.greater(field, value)]
    case .withoutValue(let key):
      filters =
        [.isNull(field)] + (key.map { [.after(columns: plan.keyColumns, values: $0)] } ?? [])
      order = plan.keyColumns
    case .finished: return nil
    }
    return ReadQuery(
      table: plan.name, columns: columns ?? plan.columns, filters: filters, order: order,
      limit: limit)
  }

  /// Moves on past a page.
  /// - Parameters:
  ///   - first: the cursor of the page's first row; nil where the page is empty.
  ///   - last: the cursor of its last row.
  package mutating func advance(first: Cursor?, last: Cursor?, lastKey: RowKey?) {
    switch (stage, last) {
    case (.finished, _): break
    case (.withoutValue, _): stage = lastKey.map { .withoutValue(after: $0.values) } ?? .finished
    case (.withinTie(let cursor), nil): stage = .beyond(cursor.field)
    case (.withinTie, .some(let last)): stage = .withinTie(last)
    case (_, nil): endOrder()
    case (_, .some(let last)):
      let isOneValue = first != last && first?.field == last.field
      stage = isOneValue && !plan.tieColumns.isEmpty ? .withinTie(last) : .after(last)
    }
  }
  /// Leaves what comes later in the order to the next pass.
  package mutating func endOrder() {
    guard isOrdered, stage != .finished else { return }
    stage = plan.field.isNullable ? .withoutValue(after: nil) : .finished
  }
}
