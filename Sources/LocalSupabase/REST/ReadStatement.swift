/// Parts of statements that name one table.
struct TableSQL {
  var schema: String
  var name: String
  var table: SchemaCache.Table?
  /// What the columns are named by: `"public"."items"`, or `"items"` in what reads another statement's rows.
  var qualifier: String

  init(schema: String, name: String, table: SchemaCache.Table?) {
    self.schema = schema
    self.name = name
    self.table = table
    qualifier = SQLText.quoted(schema) + "." + SQLText.quoted(name)
  }

  var quotedName: String { SQLText.quoted(schema) + "." + SQLText.quoted(name) }

  func column(_ name: String) -> String {
    name == "*" ? "\(qualifier).*" : "\(qualifier).\(SQLText.quoted(name))"
  }

  func add(_ field: Field, to sql: inout SQLText) {
    guard !field.path.isEmpty else {
      sql += column(field.column)
      return
    }
    let type = table?.columns[field.column]?.type
    sql +=
      type == "json" || type == "jsonb"
      ? column(field.column) : "to_jsonb(\(column(field.column)))"
    for step in field.path {
      sql += step.asText ? "->>" : "->"
      switch step {
      case .name(let name, _): sql += PostgresConnection.literal(name)
      case .index(let index, _): sql += index
      }
    }
  }

  func addSelect(_ items: [SelectItem], to sql: inout SQLText) {
    for (index, item) in items.enumerated() {
      if index > 0 { sql += ", " }
      guard let field = item.field else {
        sql += "\(qualifier).*"
        continue
      }
      if let cast = item.cast {
        sql += "CAST("
        add(field, to: &sql)
        sql += " AS \(cast))"
      } else {
        add(field, to: &sql)
      }
      let name = item.alias ?? field.outputName ?? (item.cast == nil ? nil : field.column)
      if let name {
        sql += " AS "
        sql.name(name)
      }
    }
  }

  func addWhere(_ conditions: [Condition], to sql: inout SQLText) {
    for (index, condition) in conditions.enumerated() {
      sql += index == 0 ? " WHERE " : " AND "
      add(condition, to: &sql)
    }
  }

  func add(_ condition: Condition, to sql: inout SQLText) {
    switch condition {
    case .filter(let filter): add(filter, to: &sql)
    case .group(let isNegated, let isOr, let parts):
      sql += isNegated ? "NOT (" : "("
      for (index, part) in parts.enumerated() {
        if index > 0 { sql += isOr ? " OR " : " AND " }
        add(part, to: &sql)
      }
      sql += ")"
    }
  }

  private func add(_ filter: Filter, to sql: inout SQLText) {
    if filter.isNegated { sql += "NOT " }
    add(filter.field, to: &sql)
    switch filter.operation {
    case .compare(let sign, let text, let quantifier):
      let text = sign.hasSuffix("LIKE") ? text.replacingStars() : text
      sql += " \(sign) "
      if let quantifier { sql += "\(quantifier.rawValue) (" }
      sql.value(text)
      if quantifier != nil { sql += ")" }
    case .in(let values):
      if values == [""] {
        sql += " = ANY ('{}')"
        return
      }
      sql += " = ANY ("
      sql.value("{" + values.map(Self.arrayElement).joined(separator: ",") + "}")
      sql += ")"
    case .is(let word): sql += " IS \(word.uppercased())"
    case .isDistinct(let text):
      sql += " IS DISTINCT FROM "
      sql.value(text)
    case .search(let function, let language, let words):
      sql += " @@ \(function)("
      if let language {
        sql.value(language)
        sql += "::regconfig, "
      }
      sql.value(words)
      sql += ")"
    }
  }

  func addOrder(_ terms: [OrderTerm], to sql: inout SQLText) {
    for (index, term) in terms.enumerated() {
      sql += index == 0 ? " ORDER BY " : ", "
      add(term.field, to: &sql)
      if let direction = term.direction { sql += " \(direction)" }
      if let nulls = term.nulls { sql += " \(nulls)" }
    }
  }

  static func addRange(_ range: RowRange, to sql: inout SQLText) {
    if let limit = range.limit { sql += " LIMIT \(limit)" }
    if range.offset > 0 { sql += " OFFSET \(range.offset)" }
  }

  private static func arrayElement(_ text: String) -> String {
    // PostgreSQL would see the whole array's text only up to a NUL.
    var element = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { element.unicodeScalars.append("\\") }
      element.unicodeScalars.append(scalar)
    }
    return element + "\""
  }
}

extension String {
  /// In a pattern `*` stands for `%`.
  fileprivate func replacingStars() -> String { String(map { $0 == "*" ? "%" : $0 }) }
}

/// The one statement of a GET or HEAD.
struct ReadStatement {
  var table: TableSQL
  var query: Query
  var range: RowRange
  var preferences: Preferences
  var mediaType: MediaType
  var maxRows: Int?
  var isHead = false

  /// Rows, without any wrapping.
  func addRows(to sql: inout SQLText) {
    sql += "SELECT "
    table.addSelect(query.select, to: &sql)
    sql += " FROM \(table.quotedName)"
    table.addWhere(query.conditions, to: &sql)
    table.addOrder(query.order, to: &sql)
    TableSQL.addRange(range, to: &sql)
  }

  var sql: SQLText {
    var sql = SQLText("WITH pgrst_source AS (")
    addRows(to: &sql)
    sql += ")"
    if preferences.countsExactly || preferences.estimates {
      sql += ", pgrst_source_count AS ("
      addCounted(to: &sql)
      if preferences.estimates, let maxRows { sql += " LIMIT \(maxRows + 1)" }
      sql += ")"
    }
    sql += " SELECT "
    sql +=
      preferences.countsExactly || preferences.estimates
      ? "(SELECT count(*) FROM pgrst_source_count)" : "null::bigint"
    sql += " AS total, count(*) AS page_total, \(isHead ? "''" : Self.body(mediaType)) AS body, "
    sql += Self.responseSettings
    sql += " FROM (SELECT * FROM pgrst_source) _t"
    return sql
  }

  /// For the planner's guess at the number of rows.
  var explained: SQLText {
    var sql = SQLText("EXPLAIN (FORMAT JSON) ")
    addCounted(to: &sql)
    return sql
  }

  private func addCounted(to sql: inout SQLText) {
    sql += "SELECT 1 FROM \(table.quotedName)"
    table.addWhere(query.conditions, to: &sql)
  }

  static let responseSettings = """
    nullif(current_setting('response.headers', true), '') AS response_headers, \
    nullif(current_setting('response.status', true), '') AS response_status
    """

  /// Names and rows in PostgreSQL's own form; of no rows only a line feed.
  private static let csv = """
    (SELECT coalesce(string_agg(k, ','), '') FROM (SELECT json_object_keys(r) AS k FROM \
    (SELECT row_to_json(_t) AS r FROM pgrst_source _t LIMIT 1) s) a) || E'\\n' || \
    coalesce(string_agg(substring(_t::text, 2, length(_t::text) - 2), E'\\n'), '')
    """

  /// The body that `_t`'s rows make.
  static func body(_ type: MediaType) -> String {
    switch type {
    case .object(let isStripped):
      isStripped
        ? "coalesce(json_strip_nulls(json_agg(_t)->0)::text, 'null')"
        : "coalesce((json_agg(_t)->0)::text, 'null')"
    case .arrayStripped: "coalesce(json_strip_nulls(json_agg(_t)), '[]')::text"
    case .geoJSON:
      "json_build_object('type', 'FeatureCollection', 'features', "
        + "coalesce(json_agg(st_asgeojson(_t)::json), '[]'))::text"
    case .csv: csv
    default: "coalesce(json_agg(_t), '[]')::text"
    }
  }
}
