/// What the document says about one schema, as the current role may see it.
struct OpenAPICatalogue: Sendable {
  struct Table: Sendable {
    var oid: UInt32
    var name: String
    var comment: String?
    /// Rows can be inserted, changed or deleted, by anybody.
    var isWritable: Bool
    var columns: [Column] = []
  }

  struct Column: Sendable {
    var number: Int
    var name: String
    var comment: String?
    var type: String
    var isRequired: Bool
    var maxLength: Int?
    var defaultExpression: String?
    var enumeration: [String]
    var isPrimaryKey = false
    var reference: Reference?
  }

  /// What a foreign key of a single column refers to.
  struct Reference: Hashable, Sendable {
    var table: String
    var column: String
  }

  struct Function: Sendable {
    var name: String
    var comment: String?
    var parameters: [Parameter]
  }

  struct Parameter: Sendable {
    var name: String
    var type: String
    var isRequired: Bool
    var isVariadic: Bool
  }

  var comment: String?
  /// By name.
  var tables: [Table] = []
  /// By name; of several with one name, the one that was made last.
  var functions: [Function] = []

  /// Reads the catalogue in the connection's open transaction, whose search path is emptied, for types must be
  /// written with their schema.
  init(
    _ connection: PostgresConnection, schema: String, schemas: [String], ignoresPrivileges: Bool
  ) throws(PostgresError) {
    _ = try connection.execute("select set_config('search_path', '', true)")
    let everything = ignoresPrivileges ? "true" : "false"
    comment = try connection.execute(OpenAPISQL.comment, [.text(schema)]).rows.first?.first ?? nil
    try readTables(connection, schema, everything)
    if !tables.isEmpty { try readKeys(connection, schemas) }
    try readFunctions(connection, schema, everything)
  }

  private mutating func readTables(
    _ connection: PostgresConnection, _ schema: String, _ everything: String
  ) throws(PostgresError) {
    let rows = try connection.execute(OpenAPISQL.tables, [.text(schema), .text(everything)])
    var places: [String: Int] = [:]
    for row in 0..<rows.rowCount {
      let oid = rows.string(row, 0) ?? ""
      places[oid] = tables.count
      tables.append(
        Table(
          oid: UInt32(oid) ?? 0, name: rows.string(row, 1) ?? "", comment: rows.string(row, 2),
          isWritable: rows.string(row, 3) == "t"))
    }
    let columns = try connection.execute(OpenAPISQL.columns, [.text(schema)])
    for row in 0..<columns.rowCount {
      guard let place = places[columns.string(row, 0) ?? ""] else { continue }
      // One label a line, each after a mark, so that none and an empty one differ.
      let labels = columns.string(row, 8)?.split(separator: "\n") ?? []
      tables[place].columns.append(
        Column(
          number: columns.string(row, 1).flatMap { Int($0) } ?? 0,
          name: columns.string(row, 2) ?? "", comment: columns.string(row, 3),
          type: columns.string(row, 4) ?? "", isRequired: columns.string(row, 5) == "t",
          maxLength: columns.string(row, 6).flatMap { Int($0) },
          defaultExpression: columns.string(row, 7),
          enumeration: labels.map { String($0.dropFirst()) }))
    }
  }

  private mutating func readKeys(
    _ connection: PostgresConnection, _ schemas: [String]
  ) throws(PostgresError) {
    var primaryKeys: [UInt32: [Int]] = [:]
    var references: [ViewOrigins.Origin: Reference] = [:]
    let list = schemas.map { PostgresConnection.literal($0) }.joined(separator: ",")
    let keys = try connection.execute(OpenAPISQL.keys(schemas: list))
    for row in 0..<keys.rowCount {
      guard let relation = keys.string(row, 0).flatMap({ UInt32($0) }) else { continue }
      let columns = (keys.string(row, 1) ?? "").split(separator: " ").compactMap { Int($0) }
      if let table = keys.string(row, 2), let column = keys.string(row, 3), columns.count == 1 {
        let origin = ViewOrigins.Origin(relation: relation, column: columns[0])
        references[origin] = references[origin] ?? Reference(table: table, column: column)
      } else {
        primaryKeys[relation] = columns
      }
    }
    var trees: [UInt32: [Int: ViewOrigins.Origin]] = [:]
    let views = try connection.execute(OpenAPISQL.views)
    for row in 0..<views.rowCount {
      guard let view = views.string(row, 0).flatMap({ UInt32($0) }) else { continue }
      trees[view] = ViewOrigins.columns(ofTree: views.bytes(row, 1) ?? [])
    }
    let origins = ViewOrigins.resolved(trees)

    for table in tables.indices {
      let oid = tables[table].oid
      let shown = origins[oid]
      let present = Set(shown.map { Array($0.values) } ?? [])
      for column in tables[table].columns.indices {
        let number = tables[table].columns[column].number
        let own = ViewOrigins.Origin(relation: oid, column: number)
        guard let origin = shown == nil ? own : shown?[number] else { continue }
        let key = primaryKeys[origin.relation] ?? []
        // A view has a table's key only if it shows all of it.
        let isWhole =
          shown == nil
          || key.allSatisfy {
            present.contains(ViewOrigins.Origin(relation: origin.relation, column: $0))
          }
        tables[table].columns[column].isPrimaryKey = isWhole && key.contains(origin.column)
        tables[table].columns[column].reference = references[origin]
      }
    }
  }

  private mutating func readFunctions(
    _ connection: PostgresConnection, _ schema: String, _ everything: String
  ) throws(PostgresError) {
    let rows = try connection.execute(OpenAPISQL.functions, [.text(schema), .text(everything)])
    var lastOID: String?
    for row in 0..<rows.rowCount {
      let name = rows.string(row, 1) ?? ""
      if rows.string(row, 0) != lastOID {
        lastOID = rows.string(row, 0)
        let function = Function(name: name, comment: rows.string(row, 2), parameters: [])
        if functions.last?.name == name { functions.removeLast() }
        functions.append(function)
      }
      guard let type = rows.string(row, 4) else { continue }
      functions[functions.count - 1].parameters.append(
        Parameter(
          name: rows.string(row, 3) ?? "", type: type, isRequired: rows.string(row, 5) == "t",
          isVariadic: rows.string(row, 6) == "t"))
    }
  }
}
