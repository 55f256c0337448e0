import JSON

/// What the engine knows of the database; as old as its last reload, as PostgREST's.
struct SchemaCache: Sendable {
  struct Name: Hashable, Sendable {
    var schema: String
    var name: String
  }

  struct Column: Sendable {
    var name: String
    /// As `format_type` writes it, schema included where the search path lacks it.
    var type: String
    var defaultValue: String?
  }

  struct Table: Sendable {
    var columns: [String: Column] = [:]
    var primaryKey: [String] = []
    var insertable = true
    var updatable = true
    var deletable = true
    var isView = false
  }

  struct Function: Sendable {
    struct Parameter: Sendable {
      var name: String
      var type: String
      var isRequired: Bool
      var isVariadic: Bool
    }

    enum Result: Sendable {
      case void
      case scalar
      case composite
    }

    var name: Name
    var parameters: [Parameter]
    var result: Result
    var returnsSet: Bool
    /// `i`, `s` or `v`.
    var volatility: String
    /// The table or type whose rows it returns.
    var rowType: Name?
  }

  var tables: [Name: Table] = [:]
  var functions: [Name: [Function]] = [:]
  /// Settings that a role's transactions get: those of `alter role … set`.
  var roleSettings: [String: [(name: String, value: String)]] = [:]

  init() {}

  /// Reads everything of the schemas in one transaction.
  init(_ connection: PostgresConnection, schemas: [String]) throws(PostgresError) {
    let list = "{" + schemas.map { SQLText.quoted($0) }.joined(separator: ",") + "}"
    let columns = try connection.execute(Self.columnsQuery, [.text(list)])
    for row in columns.rows {
      let name = Name(schema: row[0] ?? "", name: row[1] ?? "")
      var table = tables[name] ?? Table()
      if let column = row[2] {
        table.columns[column] = Column(
          name: column, type: row[3] ?? "text", defaultValue: row[4])
      }
      table.isView = row[5] == "t"
      table.insertable = row[6] == "t"
      table.updatable = row[7] == "t"
      table.deletable = row[8] == "t"
      tables[name] = table
    }
    for row in try connection.execute(Self.keysQuery, [.text(list)]).rows {
      tables[Name(schema: row[0] ?? "", name: row[1] ?? "")]?.primaryKey.append(row[2] ?? "")
    }
    try readFunctions(connection, list)
    for row in try connection.execute(Self.settingsQuery).rows {
      roleSettings[row[0] ?? "", default: []].append((row[1] ?? "", row[2] ?? ""))
    }
  }

  private mutating func readFunctions(
    _ connection: PostgresConnection, _ schemas: String
  ) throws(PostgresError) {
    for row in try connection.execute(Self.functionsQuery, [.text(schemas)]).rows {
      let name = Name(schema: row[0] ?? "", name: row[1] ?? "")
      let parameters = (try? JSONNode(parsing: Array((row[2] ?? "[]").utf8)))?.array ?? []
      let result: Function.Result =
        switch row[3] {
        case "void": .void
        case "composite": .composite
        default: .scalar
        }
      functions[name, default: []].append(
        Function(
          name: name,
          parameters: parameters.map { node in
            Function.Parameter(
              name: node["name"]?.string ?? "", type: node["type"]?.string ?? "text",
              isRequired: node["required"]?.bool ?? true,
              isVariadic: node["variadic"]?.bool ?? false)
          },
          result: result, returnsSet: row[4] == "t", volatility: row[5] ?? "v",
          rowType: row[7].map { Name(schema: row[6] ?? "", name: $0) }))
    }
  }

  private static let columnsQuery = """
    select n.nspname, c.relname, a.attname,
      case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod)
        else format_type(a.atttypid, a.atttypmod) end,
      case when a.attgenerated = '' and a.attidentity = ''
        then pg_get_expr(d.adbin, d.adrelid)
        when a.attidentity <> '' then format('nextval(%L)', pg_get_serial_sequence(
          format('%I.%I', n.nspname, c.relname), a.attname)) end,
      c.relkind in ('v', 'm'),
      c.relkind in ('r', 'p') or pg_relation_is_updatable(c.oid, true) & 8 = 8,
      c.relkind in ('r', 'p') or pg_relation_is_updatable(c.oid, true) & 4 = 4,
      c.relkind in ('r', 'p') or pg_relation_is_updatable(c.oid, true) & 16 = 16
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any ($1::text[])
    """

  private static let keysQuery = """
    select n.nspname, c.relname, a.attname
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    join pg_namespace n on n.oid = c.relnamespace
    cross join unnest(k.conkey) with ordinality as u (number, place)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = u.number
    where k.contype = 'p' and n.nspname = any ($1::text[])
    order by 1, 2, u.place
    """

  private static let functionsQuery = """
    select n.nspname, p.proname,
      (select coalesce(json_agg(json_build_object('name', coalesce(p.proargnames[i], ''),
          'type', format_type(u.type, null),
          'required', i <= p.pronargs - p.pronargdefaults,
          'variadic', p.provariadic <> 0 and i = p.pronargs) order by i), '[]')
        from (select row_number() over () as i, type from unnest(p.proargtypes) as type) u),
      case when p.prorettype = 'void'::regtype then 'void'
        when t.typtype = 'c' or p.prorettype = 'record'::regtype
          or p.proargmodes::text[] && '{t,b,o}' then 'composite'
        else 'scalar' end,
      p.proretset, p.provolatile, tn.nspname, case when t.typtype = 'c' then tc.relname end
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    join pg_type t on t.oid = p.prorettype
    left join pg_class tc on tc.oid = t.typrelid
    left join pg_namespace tn on tn.oid = tc.relnamespace
    where p.prokind = 'f' and n.nspname = any ($1::text[])
      and p.prorettype <> 'trigger'::regtype and p.prorettype <> 'event_trigger'::regtype
    order by n.nspname, p.proname, p.oid
    """

  private static let settingsQuery = """
    select r.rolname, split_part(s, '=', 1), substr(s, strpos(s, '=') + 1)
    from pg_db_role_setting d join pg_roles r on r.oid = d.setrole
    cross join unnest(d.setconfig) as s
    left join pg_settings p on p.name = split_part(s, '=', 1)
    where d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
      and coalesce(p.context, 'user') = 'user'
    order by d.setdatabase
    """
}
