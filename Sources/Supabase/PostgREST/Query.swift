package import JSON

/// A condition on rows, which the client writes as PostgREST's query string with every name and value quoted.
/// Values are raw JSON tokens as PostgREST wrote them.
package indirect enum Filter: Hashable, Sendable {
  case equal(String, JSONToken)
  case lessOrEqual(String, JSONToken)
  case greater(String, JSONToken)
  case greaterOrEqual(String, JSONToken)
  case isNull(String)
  case isNotNull(String)
  /// The row's values of `columns`, compared as one tuple, are greater than `values`: the keyset condition.
  case after(columns: [String], values: [JSONToken])
  /// The opposite: the tuple is not greater than `values`. With `after` a range that has its end and not its start.
  case notAfter(columns: [String], values: [JSONToken])
  /// The column's array holds the text; `arrayLacks` also matches where it does not.
  case arrayLacks(String, String)
  case all([Filter])
  case any([Filter])
}

/// One read. Columns are named, never `*`, so that source and target answer alike.
package struct ReadQuery: Hashable, Sendable {
  package var table: TableName
  package var columns: [String]
  package var filters: [Filter]
  /// Ascending, as a total order if pages are to be joined.
  package var order: [String]
  package var isDescending: Bool
  package var limit: Int
  package var offset: Int
  /// The rows that the filters match are counted exactly, in the statement that reads the page: `Page.total`.
  package var isCounted: Bool

  package init(
    table: TableName, columns: [String], filters: [Filter] = [], order: [String] = [],
    isDescending: Bool = false, limit: Int, offset: Int = 0, isCounted: Bool = false
  ) {
    self.table = table
    self.columns = columns
    self.filters = filters
    self.order = order
    self.isDescending = isDescending
    self.limit = limit
    self.offset = offset
    self.isCounted = isCounted
  }
}
