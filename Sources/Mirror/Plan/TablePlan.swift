package import Supabase

/// One configured table resolved against both projects: what is read, what is written, by what it is followed.
package struct TablePlan: Hashable, Sendable {
  package let name: TableName
  package let keyColumns: [String]
  /// Read and written, in the source's order: every column of the source.
  package let columns: [String]
  package let field: IncrementalField
  /// Columns of type jsonb, whose `null` JSON over REST turns into SQL NULL.
  package let jsonbColumns: [String]
  /// Whether events of the feed can name this table's keys: it cuts or re-renders values of some types.
  package let isNamedByFeed: Bool
  /// Whether it writes them as PostgREST does, so that the two can be compared.
  package let isComparedWithFeed: Bool
  /// Limits and choices that a person should know of.
  package let notes: [String]

  /// The total order: the incremental field, then the key.
  package var orderColumns: [String] { [field.column] + tieColumns }
  /// What tells rows of one field value apart; empty where the field alone is the key.
  package var tieColumns: [String] { keyColumns.filter { $0 != field.column } }
}

/// Why a table cannot be mirrored, and what to do about it.
package struct TableProblem: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
}

extension TablePlan {
  /// - Throws: what stops this table; other tables go on.
  package init(
    _ configuration: TableConfiguration, source: TableDescription?, target: TableDescription?
  ) throws(TableProblem) {
    let name = configuration.name
    guard let source else {
      throw TableProblem(
        description: "the source has no table \(name) that this key can see; check its name in the "
          + "table configuration and that its schema is exposed (Settings > API)")
    }
    guard let target else {
      throw TableProblem(
        description: "the target has no table \(name) that this key can see; create it there with "
          + "the same columns (apply the source's schema migrations) and reload the schema cache")
    }
    for key in configuration.primaryKeys where source[key] == nil {
      throw TableProblem(
        description: "\(name) has no column \(key) at the source, but primaryKeys names it")
    }
    let missing = source.columns.map(\.name).filter { target[$0] == nil }
    guard missing.isEmpty else {
      throw TableProblem(
        description: "the target's \(name) lacks \(Self.list(missing)); add what is missing to the "
          + "target, nothing was written to this table")
    }
    let changed = source.columns.filter { !Self.holds(target[$0.name]!.format, $0.format) }
    guard changed.isEmpty else {
      let pairs = changed.map {
        "\($0.name) is \($0.format) at the source and \(target[$0.name]!.format) on the target"
      }
      throw TableProblem(
        description:
          "\(name): \(pairs.joined(separator: ", ")); values could change on the way, so "
          + "make the types equal")
    }
    self.name = name
    keyColumns = configuration.primaryKeys
    columns = source.columns.map(\.name)
    field = try Self.field(configuration, source)
    jsonbColumns = source.columns.filter { $0.format == "jsonb" }.map(\.name)
    isNamedByFeed = configuration.primaryKeys.allSatisfy { key in
      !Self.formatsTheFeedChanges.contains(source[key]?.format ?? "")
    }
    isComparedWithFeed = configuration.primaryKeys.allSatisfy { key in
      source[key].map { FeedWitness.canJudge(format: $0.format) } ?? false
    }
    notes = Self.notes(source, field, keyColumns)
  }

  /// Cut to one character or bit, or rendered without `\x`.
  private static let formatsTheFeedChanges: Set<String> = ["character", "bit", "bytea"]

  private static func field(
    _ configuration: TableConfiguration, _ source: TableDescription
  ) throws(TableProblem) -> IncrementalField {
    guard let column = configuration.incrementalFields.lazy.compactMap({ source[$0] }).first else {
      throw TableProblem(
        description: "\(configuration.name) has none of its incrementalFields "
          + "(\(list(configuration.incrementalFields))) at the source; name a column that every "
          + "change moves forward, such as updated_at")
    }
    guard let kind = IncrementalField.kind(ofFormat: column.format) else {
      throw TableProblem(
        description: "\(configuration.name).\(column.name) is \(column.format); an incremental "
          + "field must be timestamptz, timestamp, date or an integer")
    }
    return IncrementalField(
      column: column.name, kind: kind, isNullable: !column.isNotNull && !column.isPrimaryKey)
  }

  private static func notes(
    _ source: TableDescription, _ field: IncrementalField, _ keyColumns: [String]
  ) -> [String] {
    var notes: [String] = []
    if !Set(source.primaryKey).isSubset(of: keyColumns) {
      notes.append(
        "primaryKeys (\(list(keyColumns))) are not the source's primary key "
          + "(\(list(source.primaryKey))): they must be unique and not null")
    }
    let arrays = source.columns.filter { $0.format.hasSuffix("[]") }.map(\.name)
    if !arrays.isEmpty {
      notes.append(
        "arrays arrive with lower bound 1 (JSON carries no other): \(list(arrays))")
    }
    let jsons = source.columns.filter { $0.format == "json" }.map(\.name)
    if !jsons.isEmpty {
      notes.append("a JSON null in a json column arrives as SQL NULL, uncounted: \(list(jsons))")
    }
    let jsonbs = source.columns.filter { $0.format == "jsonb" }.map(\.name)
    if !jsonbs.isEmpty {
      notes.append("a JSON null in a jsonb column arrives as SQL NULL, counted: \(list(jsonbs))")
    }
    if field.isNullable {
      notes.append(
        "\(field.column) may be null; rows without it are read whole in every pass, so make it "
          + "not null")
    }
    return notes
  }

  /// Whether every value of the source's type is the same value in the target's.
  static func holds(_ target: String, _ source: String) -> Bool {
    if target == source { return true }
    switch (source, target) {
    case ("smallint", "integer"), ("smallint", "bigint"), ("integer", "bigint"): return true
    case ("smallint", "numeric"), ("integer", "numeric"), ("bigint", "numeric"): return true
    case ("character varying", "text"): return true
    // The names of user-defined types carry their schema only when it is not on the search path.
    default:
      let bare = { (name: String) in name.split(separator: ".").last.map(String.init) ?? name }
      return source.contains(".") != target.contains(".") && bare(source) == bare(target)
    }
  }

  private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
