import Supabase

extension TablePlan {
  /// What a table cannot do without.
  ///
  /// - Parameter setting: of the table configuration, which names the column.
  static func require(
    _ column: String, of setting: String, _ source: TableDescription, _ target: TableDescription
  ) throws(TableProblem) {
    guard source[column] != nil else {
      throw TableProblem(
        description:
          "\(source.name) has no column \(column) at the source, but \(setting) names it; "
          + "if it was renamed, rename it in the table configuration and on the target as well")
    }
    guard target[column] != nil else {
      throw TableProblem(
        description:
          "the target's \(source.name) lacks \(column), which \(setting) names, so nothing "
          + "is written to it: \(remedy(source[column]!, source, target))")
    }
  }

  /// The statement that gives the target a column of the source.
  static func remedy(
    _ column: Column, _ source: TableDescription, _ target: TableDescription
  ) -> String {
    let table = "ALTER TABLE \(SQLName.quoted(source.name))"
    let add = "\(table) ADD COLUMN \(SQLName.quoted(column.name)) \(column.format)"
    guard let old = formerName(of: column, source, target) else {
      return "on the target run: \(add)"
    }
    return "on the target run: \(add); or, if it was \(old): "
      + "\(table) RENAME COLUMN \(SQLName.quoted(old)) TO \(SQLName.quoted(column.name))"
  }

  /// The one column that the source has no more, where only one could be it.
  private static func formerName(
    of column: Column, _ source: TableDescription, _ target: TableDescription
  ) -> String? {
    let gone = target.columns.filter { source[$0.name] == nil && $0.format == column.format }
    let new = source.columns.filter { target[$0.name] == nil && $0.format == column.format }
    return gone.count == 1 && new.count == 1 ? gone[0].name : nil
  }

  /// For the report, every pass: a line a column that the target lacks.
  var unmirrored: [String] {
    zip(leftOut, remedies).map { column, remedy in
      "column \(column) is not mirrored, as the target lacks it: \(remedy). Then all rows are copied "
        + "again"
    }
  }
}
