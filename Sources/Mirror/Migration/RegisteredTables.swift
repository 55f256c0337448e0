import Supabase

extension Migration {
  /// The tables of the configuration, for functions that look into tables: they refuse every other one.
  static func registerTables(_ tables: [TableConfiguration]) -> String {
    """
    -- The tables of tables.config.json. Functions below that read whole tables refuse all others.
    create table if not exists public.sync_tables (
      schema_name text not null,
      table_name text not null,
      key_columns text[] not null,
      primary key (schema_name, table_name)
    );
    comment on table public.sync_tables is
      'Supamirror: the tables that are mirrored, as the migration was printed for them.';
    alter table public.sync_tables enable row level security;
    revoke all on table public.sync_tables from public, anon, authenticated, service_role;
    grant select on table public.sync_tables to service_role;

    delete from public.sync_tables;
    insert into public.sync_tables (schema_name, table_name, key_columns)
    \(registeredRows(tables));

    """
  }

  private static func registeredRows(_ tables: [TableConfiguration]) -> String {
    guard !tables.isEmpty else {
      return "  select null::text, null::text, null::text[] where false"
    }
    let rows = tables.map { table in
      let keys = table.primaryKeys.map(literal).joined(separator: ", ")
      return "  (\(literal(table.name.schema)), \(literal(table.name.name)), array[\(keys)])"
    }
    return "values\n" + rows.joined(separator: ",\n")
  }
}
