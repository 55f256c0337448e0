package import Supabase

/// One configured table resolved against both projects: what is read, what is written, by what it is followed.
package struct TablePlan: Hashable, Sendable {
  package let name: TableName
  package let keyColumns: [String]
  /// Read and written, in the source's order: every column that both sides have.
  package let columns: [String]
  /// Columns of the source that the target lacks. They are never read, so nothing is ever written in their place.
  package let leftOut: [String]
  /// How each of them can be mended.
  package let remedies: [String]
  /// Columns of the target that the source lacks; they keep what they have.
  package let targetOnly: [String]
  package let shape: TableShape
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
  /// - Parameter onDrift: what a column that the target lacks leads to.
  /// - Throws: what stops this table; other tables go on.
  package init(
    _ configuration: TableConfiguration, source: TableDescription?, target: TableDescription?,
    onDrift: DriftPolicy = .park
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
    for key in configuration.primaryKeys {
      try Self.require(key, of: "primaryKeys", source, target)
    }
    let missing = source.columns.filter { target[$0.name] == nil }
    let remedies = missing.map { Self.remedy($0, source, target) }
    guard missing.isEmpty || onDrift == .common else {
      throw TableProblem(
        description: "the target's \(name) lacks \(Self.list(missing.map(\.name))), and nothing "
          + "is written to this table until it has what is missing: "
          + remedies.joined(separator: "; "))
    }
    let shared = source.columns.filter { target[$0.name] != nil }
    let changed = shared.filter { !Self.holds(target[$0.name]!.format, $0.format) }
    guard changed.isEmpty else {
      let pairs = changed.map {
        "\($0.name) is \($0.format) at the source and \(target[$0.name]!.format) on the target"
      }
      throw TableProblem(
        description:
          "\(pairs.joined(separator: ", ")); values could change on the way, so "
          + "make the types equal")
    }
    let field = try Self.field(configuration, source)
    try Self.require(field.column, of: "incrementalFields", source, target)
    self.name = name
    keyColumns = configuration.primaryKeys
    columns = shared.map(\.name)
    leftOut = missing.map(\.name)
    self.remedies = remedies
    targetOnly = target.columns.map(\.name).filter { source[$0] == nil }
    shape = TableShape(
      Dictionary(
        shared.map { ($0.name, .init(source: $0.format, target: target[$0.name]!.format)) },
        uniquingKeysWith: { first, _ in first }))
    self.field = field
    jsonbColumns = shared.filter { $0.format == "jsonb" }.map(\.name)
    isNamedByFeed = configuration.primaryKeys.allSatisfy { key in
      !Self.formatsTheFeedChanges.contains(source[key]?.format ?? "")
    }
    isComparedWithFeed = configuration.primaryKeys.allSatisfy { key in
      source[key].map { FeedWitness.canJudge(format: $0.format) } ?? false
    }
    notes = Self.notes(
      TableDescription(name: name, columns: shared), configuration, field, targetOnly: targetOnly)
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

  /// - Parameter shared: the columns that both sides have, as the source has them.
  private static func notes(
    _ shared: TableDescription, _ configuration: TableConfiguration, _ field: IncrementalField,
    targetOnly: [String]
  ) -> [String] {
    var notes: [String] = []
    let keyColumns = configuration.primaryKeys
    if !Set(shared.primaryKey).isSubset(of: keyColumns) {
      notes.append(
        "primaryKeys (\(list(keyColumns))) are not the source's primary key "
          + "(\(list(shared.primaryKey))): they must be unique and not null")
    }
    let arrays = shared.columns.filter { $0.format.hasSuffix("[]") }.map(\.name)
    if !arrays.isEmpty {
      notes.append(
        "arrays arrive with lower bound 1 (JSON carries no other): \(list(arrays))")
    }
    let jsons = shared.columns.filter { $0.format == "json" }.map(\.name)
    if !jsons.isEmpty {
      notes.append("a JSON null in a json column arrives as SQL NULL, uncounted: \(list(jsons))")
    }
    let jsonbs = shared.columns.filter { $0.format == "jsonb" }.map(\.name)
    if !jsonbs.isEmpty {
      notes.append("a JSON null in a jsonb column arrives as SQL NULL, counted: \(list(jsonbs))")
    }
    if let first = configuration.incrementalFields.first, first != field.column {
      notes.append(
        "\(first) is not there, so passes follow \(field.column): changes that do not move it are "
          + "not found by them")
    }
    if field.isNullable {
      notes.append(
        "\(field.column) may be null; rows without it are read whole in every pass, so make it "
          + "not null")
    }
    if !targetOnly.isEmpty {
      notes.append("\(columns(targetOnly)) on the target alone, which keeps what it has there")
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

  /// `column a is`, `columns a, b are`
  static func columns(_ names: [String]) -> String {
    names.count == 1 ? "column \(names[0]) is" : "columns \(list(names)) are"
  }
}
