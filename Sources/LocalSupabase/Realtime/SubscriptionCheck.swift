/// Holds a channel's bindings against the database, with the words of the real server where one cannot be served.
struct SubscriptionCheck: Sendable {
  static let publication = "supabase_realtime"

  let claims: SubscriptionClaims

  /// The tables that the publication lists, with their oids.
  static func publishedTables(_ connection: PostgresConnection) throws(PostgresError)
    -> [[String?]]
  {
    try connection.execute(
      """
      select schemaname, tablename, format('%I.%I', schemaname, tablename)::regclass::oid
      from pg_publication_tables where pubname = $1 order by 1, 2
      """, [.text(publication)]
    ).rows
  }

  /// - Throws: `SubscriptionParameters.Refusal` for the first binding that cannot be served; `PostgresError` only if the
  ///   connection is lost.
  func binding(
    _ parameters: SubscriptionParameters, id: Int, _ connection: PostgresConnection
  ) throws -> CheckedBinding {
    let begin = "Unable to subscribe to changes with given parameters. "
    do {
      let tables = try self.tables(parameters, connection)
      guard !tables.isEmpty else {
        throw SubscriptionParameters.Refusal(
          message: begin
            + "Please check Realtime is enabled for the given connect parameters: \(parameters.shown)"
        )
      }
      try check(parameters, tables, connection)
      return CheckedBinding(
        id: id, action: parameters.action, tables: Set(tables), filters: parameters.filters,
        select: parameters.select?.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    } catch let error as PostgresError {
      guard !error.isConnectionLost, let code = error.sqlstate else { throw error }
      let name = Self.names[code].map { " (\($0))" } ?? ""
      let detail = error.detail.map { "\n\n" + $0 } ?? ""
      throw SubscriptionParameters.Refusal(
        message: begin + "An exception happened so please check your connect parameters: "
          + "\(parameters.shown). Exception: \(error.severity) \(code)\(name) \(error.message)\(detail)"
      )
    }
  }

  /// A wildcard, or names that are patterns of `like` without an escape character.
  private func tables(
    _ parameters: SubscriptionParameters, _ connection: PostgresConnection
  ) throws(PostgresError) -> [UInt32] {
    let result = try connection.execute(
      """
      select format('%I.%I', schemaname, tablename)::regclass::oid from pg_publication_tables
      where pubname = $1
        and schemaname like (case $2 when '*' then '%' else $2 end) escape ''
        and tablename like (case $3 when '*' then '%' else $3 end) escape ''
      """,
      [.text(Self.publication), .text(parameters.schema), .text(parameters.table)])
    return result.rows.compactMap { $0[0].flatMap { UInt32($0) } }
  }

  private func check(
    _ parameters: SubscriptionParameters, _ tables: [UInt32], _ connection: PostgresConnection
  ) throws(PostgresError) {
    let list = "{" + tables.map { "\($0)" }.joined(separator: ",") + "}"
    let columns = try connection.execute(
      """
      select a.attrelid, a.attname, a.atttypid::regtype from pg_attribute a
      where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
        and has_column_privilege($2::text, a.attrelid, a.attnum, 'SELECT')
      """, [.text(list), .text(claims.role)]
    ).rows
    for table in tables {
      let types = Dictionary(
        columns.filter { $0[0] == "\(table)" }.map { ($0[1] ?? "", $0[2] ?? "") }
      ) { $1 }
      for filter in parameters.filters {
        guard let type = types[filter.column] else {
          throw Self.raised("invalid column for filter \(filter.column)")
        }
        try check(filter, type, connection)
      }
      for name in parameters.select ?? [] where types[name] == nil {
        throw Self.raised("invalid column for select \(name)")
      }
    }
  }

  private func check(
    _ filter: SubscriptionFilter, _ type: String, _ connection: PostgresConnection
  ) throws(PostgresError) {
    let literal = PostgresConnection.literal(filter.value)
    switch filter.comparison {
    case "in":
      let result = try connection.run(
        script: "select coalesce(jsonb_array_length(to_jsonb(\(literal)::\(type)[])), 0)")
      if (result.string(0, 0).flatMap { Int($0) } ?? 0) > 100 {
        throw Self.raised("too many values for `in` filter. Maximum 100")
      }
    case "is":
      guard SubscriptionFilter.keywords.contains(filter.value) else {
        throw Self.raised(
          "invalid value for is filter: must be null, true, false, or unknown")
      }
      if filter.value != "null", type != "boolean" {
        throw Self.raised("is \(filter.value) filter requires a boolean column, got \(type)")
      }
    default:
      if ["match", "imatch"].contains(filter.comparison) {
        do {
          try connection.run(script: "select '' ~ \(literal)")
        } catch {
          throw Self.raised(
            "invalid regular expression for \(filter.comparison) filter: \(error.message)")
        }
      } else if !["like", "ilike"].contains(filter.comparison) {
        try connection.run(script: "select \(literal)::\(type)")
      }
      // What fails here would fail at every change, and take others' changes with it.
      do {
        try connection.run(script: "select \(filter.sql("\(literal)::\(type)", type: type))")
      } catch {
        throw Self.raised(
          "operator \(filter.comparison) is not supported on column \(filter.column) "
            + "of type \(type): \(error.message)")
      }
    }
  }

  /// As `raise exception` in PL/pgSQL.
  private static func raised(_ message: String) -> PostgresError {
    PostgresError(sqlstate: "P0001", message: message)
  }

  /// The names of those codes (PostgreSQL, appendix A) that a subscription can come to.
  private static let names = [
    "P0001": "raise_exception", "22P02": "invalid_text_representation",
    "42704": "undefined_object", "22003": "numeric_value_out_of_range",
    "22007": "invalid_datetime_format", "22008": "datetime_field_overflow",
    "22009": "invalid_time_zone_displacement_value", "2200G": "most_specific_type_mismatch",
    "22023": "invalid_parameter_value", "23514": "check_violation",
    "42501": "insufficient_privilege",
    "42601": "syntax_error", "42883": "undefined_function", "2200N": "invalid_xml_content",
    "57014": "query_canceled", "2202E": "array_subscript_error",
    "22021": "character_not_in_repertoire",
    "42P18": "indeterminate_datatype", "54000": "program_limit_exceeded",
  ]
}
