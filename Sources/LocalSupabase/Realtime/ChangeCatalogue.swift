import JSON

/// What the catalogue says, at the time of a poll, of the tables whose changes it took.
struct ChangeCatalogue: Sendable {
  struct Column: Sendable {
    var name: String
    var type: String
    var isKey: Bool
    /// By role, in the order that was asked for.
    var isSelectable: [Bool]
  }

  struct Table: Sendable {
    var oid: UInt32
    var hasRowSecurity: Bool
    /// By number.
    var columns: [Column] = []

    func column(_ name: String) -> Column? { columns.first { $0.name == name } }
  }

  struct Name: Hashable, Sendable {
    var schema: String
    var table: String
  }

  private(set) var tables: [Name: Table] = [:]

  /// - Parameter oids: the tables that somebody subscribed to; others are not looked at.
  init(
    of names: Set<Name>, among oids: [UInt32], roles: [String], _ connection: PostgresConnection
  ) throws(PostgresError) {
    guard !names.isEmpty, !oids.isEmpty else { return }
    let list = names.map { "[\(Self.json($0.schema)),\(Self.json($0.table))]" }
    let result = try connection.execute(
      """
      select n.nspname, c.relname, c.oid, c.relrowsecurity, a.attname, t.typname,
        coalesce(a.attnum = any(k.conkey), false),
        (select string_agg(has_column_privilege(r.name, c.oid, a.attname, 'SELECT')::int::text, ''
           order by r.place) from json_array_elements_text($2) with ordinality r(name, place))
      from json_array_elements($1) x
        join pg_namespace n on n.nspname = x->>0
        join pg_class c on c.relnamespace = n.oid and c.relname = x->>1
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
        join pg_type t on t.oid = a.atttypid
        left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
      where c.oid = any($3::oid[])
      order by c.oid, a.attnum
      """,
      [
        .json(Array("[\(list.joined(separator: ","))]".utf8)),
        .json(Array("[\(roles.map(Self.json).joined(separator: ","))]".utf8)),
        .text("{\(oids.map { "\($0)" }.joined(separator: ","))}"),
      ])
    for row in result.rows {
      let name = Name(schema: row[0] ?? "", table: row[1] ?? "")
      let column = Column(
        name: row[4] ?? "", type: row[5] ?? "", isKey: row[6] == "t",
        isSelectable: (row[7] ?? "").utf8.map { $0 == UInt8(ascii: "1") })
      let table = Table(
        oid: row[2].flatMap { UInt32($0) } ?? 0, hasRowSecurity: row[3] == "t")
      tables[name, default: table].columns.append(column)
    }
  }

  private static func json(_ string: String) -> String { JSONToken(string: string).text }
}

extension WALChange {
  var name: ChangeCatalogue.Name { .init(schema: schema, table: table) }
}
