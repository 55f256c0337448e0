/// The columns that a table's rows were copied with, and their types on both sides.
package struct TableShape: Hashable, Sendable {
  package struct Types: Hashable, Sendable {
    /// As PostgREST writes them in `format`.
    package var source: String
    package var target: String

    package init(source: String, target: String) {
      self.source = source
      self.target = target
    }
  }

  package private(set) var types: [String: Types]

  package init(_ types: [String: Types]) { self.types = types }

  /// The same, of these columns alone.
  func of(_ columns: [String]) -> TableShape {
    TableShape(types.filter { columns.contains($0.key) })
  }

  /// Why rows that were copied in an earlier shape are to be copied again; nil: they need not be.
  ///
  /// A column that has come since is empty in them. Changing a type rewrites rows and moves no incremental field; where
  /// the new type holds every value of the old one, they are taken to be the same.
  package func reasonToCopyAgain(since earlier: TableShape) -> String? {
    let new = types.keys.filter { earlier.types[$0] == nil }.sorted()
    guard new.isEmpty else { return "\(TablePlan.columns(new)) new to it" }
    let other = types.filter { name, now in
      guard let before = earlier.types[name] else { return false }
      return !TablePlan.holds(now.source, before.source)
        || !TablePlan.holds(now.target, before.target)
    }.keys.sorted()
    guard other.isEmpty else { return "\(TablePlan.columns(other)) of another type than before" }
    return nil
  }
}
