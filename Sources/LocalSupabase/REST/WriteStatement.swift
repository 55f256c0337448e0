/// The one statement of a POST, PATCH or DELETE on a table.
struct WriteStatement {
  enum Action {
    case insert
    case update
    case delete
  }

  var action: Action
  var table: TableSQL
  var query: Query
  /// For PATCH and DELETE.
  var range: RowRange
  var payload: Payload?
  var preferences: Preferences
  var mediaType: MediaType

  /// - Throws: PGRST204 for a column that the cache does not know.
  func sql() throws(RequestError) -> SQLText {
    var sql = SQLText("WITH ")
    let hasBody = payload.map { action != .delete && !($0.columns.isEmpty && action == .update) }
    if hasBody ?? false, let payload { try addBody(payload, to: &sql) }
    sql += "pgrst_source AS ("
    switch action {
    case .insert: try addInsert(to: &sql)
    case .update: try addUpdate(to: &sql)
    case .delete: addDelete(to: &sql)
    }
    addReturning(to: &sql)
    sql += ") SELECT null::bigint AS total, count(*) AS page_total, "
    sql += preferences.returnsRows ? ReadStatement.body(mediaType) : "''"
    sql += " AS body, \(ReadStatement.responseSettings), "
    addLocation(to: &sql)
    sql += " AS location FROM (SELECT "
    if preferences.returnsRows {
      var source = table
      source.qualifier = SQLText.quoted(table.name)
      source.addSelect(query.select, to: &sql)
      sql += " FROM pgrst_source AS \(source.qualifier)) _t"
    } else {
      sql += "* FROM pgrst_source) _t"
    }
    return sql
  }

  private var columns: [String] { payload?.columns ?? [] }

  private func typed(_ names: [String]) throws(RequestError) -> [SchemaCache.Column] {
    var columns: [SchemaCache.Column] = []
    for name in names {
      guard let column = table.table?.columns[name] else {
        throw RequestError(
          400, "PGRST204", "Column '\(name)' of relation '\(table.name)' does not exist")
      }
      columns.append(column)
    }
    return columns
  }

  /// The payload as an array of objects, whichever of the two it is: PostgreSQL finds out.
  private func addBody(_ payload: Payload, to sql: inout SQLText) throws(RequestError) {
    let kind = preferences.usesDefaults ? "jsonb" : "json"
    sql += "pgrst_payload AS (SELECT "
    sql.value(.json(payload.body))
    sql += preferences.usesDefaults ? "::jsonb" : "::json"
    sql += " AS json_data), pgrst_body AS (SELECT CASE WHEN \(kind)_typeof(json_data) = 'array' "
    sql += "THEN json_data ELSE \(kind)_build_array(json_data) END AS val FROM pgrst_payload), "
    guard preferences.usesDefaults else { return }
    let columns = try typed(payload.columns)
    sql += "pgrst_defaults AS (SELECT jsonb_agg(jsonb_build_object("
    var isFirst = true
    for column in columns {
      guard let expression = column.defaultValue else { continue }
      sql += isFirst ? "" : ", "
      isFirst = false
      sql += "\(PostgresConnection.literal(column.name)), \(expression)"
    }
    sql += ") || elem) AS val FROM pgrst_body, jsonb_array_elements(val) elem), "
  }

  private func addRecords(to sql: inout SQLText, alias: String) throws(RequestError) {
    let body = preferences.usesDefaults ? "pgrst_defaults" : "pgrst_body"
    let kind = preferences.usesDefaults ? "jsonb" : "json"
    if columns.isEmpty {
      sql += "\(kind)_array_elements((SELECT val FROM \(body))) \(alias)"
      return
    }
    sql += "\(kind)_to_recordset((SELECT val FROM \(body))) AS \(alias) ("
    for (index, column) in try typed(columns).enumerated() {
      if index > 0 { sql += ", " }
      sql.name(column.name)
      sql += " \(column.type)"
    }
    sql += ")"
  }

  private func addInsert(to sql: inout SQLText) throws(RequestError) {
    sql += "INSERT INTO \(table.quotedName) "
    if !columns.isEmpty {
      sql += "("
      sql.names(columns)
      sql += ") "
    }
    sql += "SELECT "
    sql.names(columns)
    sql += " FROM "
    try addRecords(to: &sql, alias: "_")
    guard preferences.isMerge || preferences.isIgnore else { return }
    let target = query.conflict ?? table.table?.primaryKey ?? []
    guard !target.isEmpty else { return }
    sql += " ON CONFLICT ("
    sql.names(target)
    sql += ")"
    if preferences.isIgnore || columns.isEmpty {
      sql += " DO NOTHING"
      return
    }
    sql += " DO UPDATE SET "
    for (index, column) in columns.enumerated() {
      if index > 0 { sql += ", " }
      sql.name(column)
      sql += " = EXCLUDED."
      sql.name(column)
    }
  }

  private func addUpdate(to sql: inout SQLText) throws(RequestError) {
    if columns.isEmpty {
      sql += "SELECT * FROM \(table.quotedName) WHERE false"
      return
    }
    sql += "UPDATE \(table.quotedName) SET "
    for (index, column) in columns.enumerated() {
      if index > 0 { sql += ", " }
      sql.name(column)
      sql += " = pgrst_row."
      sql.name(column)
    }
    sql += " FROM (SELECT * FROM "
    try addRecords(to: &sql, alias: "_")
    sql += range.isAll ? ") pgrst_row" : " LIMIT 1) pgrst_row, "
    addAffected(to: &sql)
  }

  private func addDelete(to sql: inout SQLText) {
    sql += "DELETE FROM \(table.quotedName)"
    if !range.isAll { sql += " USING " }
    addAffected(to: &sql)
  }

  /// The filter, or with a limit the rows that it finds, joined again by the columns they are ordered by.
  private func addAffected(to sql: inout SQLText) {
    if range.isAll { return table.addWhere(query.conditions, to: &sql) }
    let keys = query.order.map(\.field.column)
    sql += "(SELECT "
    sql.names(keys)
    sql += " FROM \(table.quotedName)"
    table.addWhere(query.conditions, to: &sql)
    table.addOrder(query.order, to: &sql)
    TableSQL.addRange(range, to: &sql)
    sql += ") pgrst_affected WHERE "
    for (index, key) in keys.enumerated() {
      if index > 0 { sql += " AND " }
      sql += "\(table.column(key)) = pgrst_affected."
      sql.name(key)
    }
  }

  private func addReturning(to sql: inout SQLText) {
    if action == .update && columns.isEmpty { return }
    sql += " RETURNING "
    if preferences.returnsRows {
      let names = query.select.map { $0.field?.column ?? "*" }
      var seen: Set<String> = []
      let distinct = names.contains("*") ? ["*"] : names.filter { seen.insert($0).inserted }
      sql += distinct.map(table.column).joined(separator: ", ")
    } else if preferences.returnsHeaders, let key = table.table?.primaryKey, !key.isEmpty {
      sql += key.map(table.column).joined(separator: ", ")
    } else {
      sql += "1"
    }
  }

  /// One row's key as parameters, where headers alone are asked for. Names that are not ASCII are never found,
  /// as PostgREST compares them in another encoding (`ins-unicode-table-ho`).
  private func addLocation(to sql: inout SQLText) {
    let key = (table.table?.primaryKey ?? []).filter { $0.utf8.allSatisfy { $0 < 0x80 } }
    guard action == .insert, preferences.returnsHeaders, !key.isEmpty else {
      sql += "null"
      return
    }
    sql += """
      CASE WHEN count(*) = 1 THEN (WITH data AS (SELECT row_to_json(_) AS row FROM pgrst_source AS _ \
      LIMIT 1) SELECT json_agg(json_build_array(d.key, coalesce('eq.' || d.value, 'is.null'))) \
      FROM data CROSS JOIN json_each_text(data.row) AS d WHERE d.key IN (
      """
    sql += key.map(PostgresConnection.literal).joined(separator: ", ")
    sql += ")) END"
  }
}
