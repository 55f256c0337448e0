import Supabase

extension TablePair {
  /// Whether the configured key tells rows apart, on both sides.
  func keys(_ here: TableDescription) -> [Finding] {
    let keys = configuration.primaryKeys
    let missing = keys.filter { here[$0] == nil }
    guard missing.isEmpty else {
      let actual = here.primaryKey
      return [
        finding(
          .keyMissing, .problem, on: nil,
          "\(name) has no column \(missing.joined(separator: ", ")), which primaryKeys names",
          why: "rows cannot be told apart",
          mend: "correct the table configuration"
            + (actual.isEmpty
              ? "" : ": the primary key is \(actual.joined(separator: ", "))"))
      ]
    }
    var found: [Finding] = []
    for side in [source, target] {
      found += uniqueness(side)
      let nullable = keys.filter { key in
        side.description?[key].map { !$0.isNotNull && !$0.isPrimaryKey } ?? false
      }
      if !nullable.isEmpty, side.role == source.role {
        found.append(
          finding(
            .keyNullable, .problem, on: side,
            "\(name).\(nullable.joined(separator: ", ")) is part of the key and may be null",
            why: "rows without a key cannot be mirrored", mend: "forbid it",
            sql: nullable.map { Statement.column(name, $0, "set not null") }
              .joined(separator: "\n")))
      }
    }
    found += collations()
    return found
  }

  private func uniqueness(_ side: Side) -> [Finding] {
    let keys = configuration.primaryKeys
    let isUnique: Bool
    let hasAnyKey: Bool
    let primaryKey: [String]
    if let relation = side.relation {
      let wanted = Set(keys.map(Optional.some))
      isUnique = relation.indexes.contains { $0.isKey && Set($0.columns) == wanted }
      hasAnyKey = relation.indexes.contains(where: \.isUnique)
      primaryKey = relation.primaryKey
    } else {
      // Unique constraints cannot be seen: only a primary key that is another is told.
      primaryKey = side.description?.primaryKey ?? []
      isUnique = primaryKey.isEmpty || Set(primaryKey) == Set(keys)
      hasAnyKey = true
    }
    guard !isUnique else { return [] }
    let isTarget = side.role == target.role
    let why =
      isTarget
      ? "the target cannot tell whether a row is new, and refuses every write"
      : "two rows with one key would become one"
    let list = keys.joined(separator: ", ")
    // A primary key that is checked late is none for this; beside it there can be no other.
    let sql =
      side.relation == nil
      ? nil
      : primaryKey.isEmpty
        ? Statement.alter(name, "add primary key (\(SQLName.list(keys)))")
        : "create unique index on \(SQLName.quoted(name)) (\(SQLName.list(keys)));"
    guard hasAnyKey else {
      return [
        finding(
          .keyless, .problem, on: side,
          "\(name) has no primary key and no unique index on the \(side.role)",
          why: why, mend: "give it one (it fails where rows are double: mend these first)", sql: sql
        )
      ]
    }
    return [
      finding(
        .keyNotUnique, side.relation == nil ? .warning : .problem, on: side,
        "no unique index of the \(side.role)'s \(name) is on exactly \(list)"
          + (primaryKey.isEmpty || Set(primaryKey) == Set(keys)
            ? " (one that is partial, invalid or deferrable does not count)"
            : ", its primary key is \(primaryKey.joined(separator: ", "))"),
        why: why, mend: "correct primaryKeys in the table configuration, or make the index",
        sql: sql)
    ]
  }

  private func collations() -> [Finding] {
    configuration.primaryKeys.compactMap { key in
      guard let here = Self.collation(of: key, source), let there = Self.collation(of: key, target),
        !Self.isSame(here, there), let type = target.relation?[key]?.type,
        let named = source.relation?[key]?.collation
      else { return nil }
      return finding(
        .keyCollation, .warning, on: target,
        "\(name).\(key) is sorted by \(here) at the source and by \(there) on the target",
        why: "nothing is lost by it, but comparing both sides by ranges of keys takes longer",
        mend: named == "default"
          ? "leave it; or give the column one collation in both projects, such as \"C\""
          : retyping(key, "sort it in the same way, where the target knows that collation"),
        sql: named == "default"
          ? nil : retype(key, type, collation: named))
    }
  }

  private static func collation(of column: String, _ side: Side) -> String? {
    let own = side.relation?[column]?.collation
    return own == "default" ? side.project.database?.server.collation : own
  }

  /// One collation has names that differ in case and dashes: `C.UTF-8`, `C.utf8`.
  private static func isSame(_ a: String, _ b: String) -> Bool {
    let plain = { (name: String) in name.lowercased().filter { $0 != "-" } }
    return plain(a) == plain(b)
  }

  /// Whether passes can find what changed.
  func field(_ here: TableDescription) -> [Finding] {
    guard configuration.reconcile else { return [] }
    let fields = configuration.incrementalFields
    guard let column = fields.lazy.compactMap({ here[$0] }).first else {
      return [
        finding(
          .fieldMissing, .problem, on: source,
          "\(name) has none of its incrementalFields (\(fields.joined(separator: ", "))) at the source",
          why: "what changed cannot be found",
          mend: "name a column that every change moves forward, or add one here and on the target",
          sql: here["updated_at"] == nil && fields.first == "updated_at"
            ? Statement.addField(name) : nil)
      ]
    }
    guard let kind = IncrementalField.kind(ofFormat: column.format) else {
      return [
        finding(
          .fieldType, .problem, on: source, "\(name).\(column.name) is \(column.format)",
          why: "a pass can follow timestamptz, timestamp, date and integers only",
          mend:
            "name another column in incrementalFields, or change its type here and on the target")
      ]
    }
    var found: [Finding] = []
    let isTime = kind == .timestampWithTimeZone || kind == .timestamp
    if !column.isNotNull, !column.isPrimaryKey {
      let quoted = SQLName.quoted(column.name)
      found.append(
        finding(
          .fieldNullable, .warning, on: source, "\(name).\(column.name) may be null",
          why: "rows without it are read whole in every pass", mend: "fill it and forbid it",
          sql: (isTime
            ? "update \(SQLName.quoted(name)) set \(quoted) = now() where \(quoted) is null;\n"
            : "")
            + Statement.column(name, column.name, "set not null")))
    }
    if let relation = source.relation {
      found += followed(relation, column, isTime: isTime)
    }
    let zone = source.project.database?.server.timeZone ?? "UTC"
    if kind == .timestamp, !["UTC", "Etc/UTC", "GMT"].contains(zone) {
      found.append(
        finding(
          .fieldWithoutZone, .warning, on: source,
          "\(name).\(column.name) has no time zone, and the source's zone is \(zone)",
          why: "when clocks go back, an hour's changes can be missed",
          mend: "make it timestamptz here and on the target",
          sql: Statement.column(name, column.name, "type timestamptz")))
    }
    return found
  }

  private func followed(
    _ relation: Relation, _ column: Column, isTime: Bool
  ) -> [Finding] {
    var found: [Finding] = []
    let field = column.name
    let assigning = relation.triggers.filter {
      $0.isEnabled && $0.isBefore && $0.isPerRow && $0.assigns.contains(field)
    }
    let fallback = relation[field]?.defaultExpression
    if fallback == nil, relation[field]?.identity == nil,
      !assigning.contains(where: { $0.events.contains("insert") })
    {
      found.append(
        finding(
          .fieldNotStamped, .warning, on: source,
          "\(name).\(field) has no default, and no trigger sets it in new rows",
          why: "a row that is stored without it, or with an old time, is missed",
          mend: "let the database set it",
          sql: isTime ? Statement.stamp(name, field) : nil))
    }
    if !assigning.contains(where: { $0.events.contains("update") }) {
      // A time of making is not to be moved: another column is to be made for that.
      let isMade = FieldChoice.isOfMaking(field)
      found.append(
        finding(
          .fieldNotMoved, .warning, on: source,
          "no trigger moves \(name).\(field) forward when a row is changed",
          why: "a change that leaves it as it is cannot be found by passes, only by the feed",
          mend: isMade
            ? "leave it if rows of this table are never changed; else add a column that is moved, as "
              + "supamirror init shows, and name it in incrementalFields"
            : "let the database move it, unless rows of this table are never changed",
          sql: isTime && !isMade ? Statement.move(name, field) : nil))
    }
    let isIndexed = relation.indexes.contains {
      $0.isValid && !$0.isPartial && $0.columns.first == field
    }
    if !isIndexed, relation.bytes >= Self.worthAnIndex {
      let columns = [field] + configuration.primaryKeys.filter { $0 != field }
      found.append(
        finding(
          .fieldNotIndexed, .warning, on: source, "\(name).\(field) has no index",
          why: "every pass reads and sorts the whole table of \(relation.bytes >> 20) MiB",
          mend: "make one with the key in it (where writers must not wait: by psql, with create "
            + "index concurrently)", sql: Statement.index(name, columns)))
    }
    return found
  }

  /// Below this a table is read at once anyway.
  static let worthAnIndex = 1 << 20
}
