/// The one statement of a function's call.
struct CallStatement {
  var function: SchemaCache.Function
  /// JSON, or what a function with one unnamed parameter takes.
  var arguments: [UInt8]
  /// The parameters that are given.
  var names: Set<String>
  var isWhole: Bool
  var query: Query
  var range: RowRange
  var preferences: Preferences
  var mediaType: MediaType
  var cache: SchemaCache

  private var isScalar: Bool { function.result != .composite }

  var sql: SQLText {
    var sql = SQLText("WITH pgrst_source AS (")
    addCall(to: &sql)
    sql += ")"
    let source = source
    let counts = preferences.counts
    if counts {
      sql += ", pgrst_source_count AS (SELECT 1 FROM pgrst_source AS \(source.qualifier)"
      source.addWhere(query.conditions, to: &sql)
      sql += ")"
    }
    sql += " SELECT \(counts ? "(SELECT count(*) FROM pgrst_source_count)" : "null::bigint") "
    sql += "AS total, \(function.returnsSet ? "count(*)" : "1") AS page_total, \(body) AS body, "
    sql += ReadStatement.responseSettings
    sql += " FROM (SELECT "
    if isScalar {
      sql += "\(source.qualifier).pgrst_scalar"
    } else {
      source.addSelect(query.select, to: &sql)
    }
    sql += " FROM pgrst_source AS \(source.qualifier)"
    source.addWhere(query.conditions, to: &sql)
    source.addOrder(query.order, to: &sql)
    TableSQL.addRange(range, to: &sql)
    sql += ") _t"
    return sql
  }

  private var source: TableSQL {
    let row = function.rowType
    var source = TableSQL(
      schema: row?.schema ?? "", name: row?.name ?? (isScalar ? function.name.name : "record"),
      table: row.flatMap { cache.tables[$0] })
    source.qualifier = SQLText.quoted(source.name)
    return source
  }

  private var body: String {
    switch mediaType {
    case .text where isScalar, .xml where isScalar, .octets where isScalar:
      return "coalesce(string_agg(_t.pgrst_scalar::text, ''), '')"
    default: break
    }
    if function.result == .void { return "''" }
    switch (isScalar, function.returnsSet) {
    case (true, false): return "coalesce((json_agg(_t.pgrst_scalar)->0)::text, 'null')"
    case (true, true): return "coalesce(json_agg(_t.pgrst_scalar), '[]')::text"
    case (false, false) where !mediaType.isObject:
      return "coalesce((json_agg(_t)->0)::text, 'null')"
    default: return ReadStatement.body(mediaType)
    }
  }

  private func addCall(to sql: inout SQLText) {
    sql += "SELECT "
    if isScalar {
      sql += "pgrst_call AS pgrst_scalar"
    } else {
      let names = query.select.map { $0.field?.column ?? "*" }
      var seen: Set<String> = []
      let distinct = names.contains("*") ? ["*"] : names.filter { seen.insert($0).inserted }
      sql += distinct.map { "pgrst_call.\($0 == "*" ? "*" : SQLText.quoted($0))" }
        .joined(separator: ", ")
    }
    sql += " FROM "
    let call = "\(SQLText.quoted(function.name.schema)).\(SQLText.quoted(function.name.name))"
    let given = function.parameters.filter { names.contains($0.name) }
    if isWhole, let parameter = function.parameters.first {
      sql += "\(call)("
      sql.value(parameter.type == "json" ? .json(arguments) : .bytes(arguments))
      sql += "::\(parameter.type)) pgrst_call"
      return
    }
    guard !given.isEmpty else {
      sql += "\(call)() pgrst_call"
      return
    }
    sql += "(SELECT * FROM json_to_recordset((SELECT CASE WHEN json_typeof(j) = 'array' "
    sql += "THEN j ELSE json_build_array(j) END FROM (SELECT "
    sql.value(.json(arguments))
    sql += "::json AS j) pgrst_payload)) AS _ ("
    sql += given.map { "\(SQLText.quoted($0.name)) \($0.type)" }.joined(separator: ", ")
    sql += ") LIMIT 1) pgrst_body, LATERAL \(call)("
    sql += given.map { parameter in
      let name = SQLText.quoted(parameter.name)
      return "\(parameter.isVariadic ? "VARIADIC " : "")\(name) := pgrst_body.\(name)"
    }.joined(separator: ", ")
    sql += ") pgrst_call"
  }
}
