import LocalSupabase
import Mirror
import Testing

struct MigrationTests {
  static let todos = TableConfiguration("todos", keys: "id")
  static let items = TableConfiguration("items", keys: "todo", "n")
  static let tables = """
    create table todos (id int primary key);
    create table items (todo int, n int, primary key (todo, n));
    """

  /// Everything of ours that a catalogue could still name.
  static let remains = """
    select 'relation ' || relname from pg_class where relname like 'sync\\_%'
    union all select 'function ' || proname from pg_proc where proname like 'sync\\_%'
    union all select 'trigger ' || tgname from pg_trigger where tgname like '%sync\\_%'
    union all select 'type ' || typname from pg_type where typname like '%sync\\_%'
    union all select 'constraint ' || conname from pg_constraint where conname like 'sync\\_%'
    """

  private func survey(_ database: LedgerDatabase) async throws -> [[String?]] {
    try await database.run("select table_name, complete, key_columns from sync_ledger_tables()")
  }

  @Test func `it can be applied again, and again with other tables`() async throws {
    let database = try await LedgerDatabase(Self.tables + "insert into todos values (1), (2)")
    try await database.migrate(Self.todos, Self.items)
    let first = try await database.run(Self.remains)
    try await database.run("delete from todos where id = 1")
    try await database.migrate(Self.todos, Self.items)
    #expect(Set(try await database.run(Self.remains)) == Set(first))
    #expect(try await survey(database) == [["items", "t", "{todo,n}"], ["todos", "t", "{id}"]])
    try await database.run("delete from todos where id = 2")
    #expect(
      try await database.entries() == [
        #"delete public.todos {"id": 1}"#, #"delete public.todos {"id": 2}"#,
      ])

    try await database.migrate(Self.items)
    #expect(try await survey(database) == [["items", "t", "{todo,n}"]])
    try await database.run("insert into todos values (3); delete from todos")
    #expect(try await database.value("select count(*) from sync_deletions") == "2")

    try await database.migrate()
    #expect(try await survey(database) == [])
  }

  @Test func `key columns follow the configuration`() async throws {
    let database = try await LedgerDatabase(Self.tables + "insert into items values (1, 2)")
    try await database.migrate(Self.items)
    try await database.migrate(TableConfiguration("items", keys: "n"))
    try await database.run("delete from items")
    #expect(try await database.entries() == [#"delete public.items {"n": 2}"#])
    #expect(try await survey(database) == [["items", "t", "{n}"]])
  }

  @Test func `the reverse leaves nothing behind, and both ways can be gone again`() async throws {
    let database = try await LedgerDatabase(
      Self.tables + "create table parts (id int primary key) partition by list (id);"
        + "create table part_one partition of parts for values in (1, 2);")
    let tables = [Self.todos, Self.items, TableConfiguration("parts", keys: "id")]
    for _ in 0..<2 {
      try await database.migrate(tables[0], tables[1], tables[2])
      try await database.run("delete from todos")
      try await database.run(Migration(tables: tables).reverseSQL)
      #expect(try await database.run(Self.remains) == [])
      #expect(
        try await database.value(
          "select count(*) from pg_trigger where not tgisinternal") == "0")
    }
    try await database.run(Migration(tables: []).reverseSQL)
  }

  static let absent = [
    TableConfiguration("missing", keys: "id"),
    TableConfiguration("todos", schema: "missing", keys: "id"),
    TableConfiguration("numbers", keys: "id"),
    TableConfiguration("items", keys: "todo", "N"),
  ]

  @Test(arguments: absent)
  func `what cannot be logged is passed over, and not called logged`(
    _ configuration: TableConfiguration
  ) async throws {
    let database = try await LedgerDatabase(
      Self.tables + "create view numbers as select id from todos")
    try await database.migrate(configuration, Self.todos)
    #expect(try await survey(database) == [["todos", "t", "{id}"]])
  }

  @Test func `a table that lost a configured column goes on being logged`() async throws {
    let database = try await LedgerDatabase(Self.tables + "insert into items values (1, 2)")
    try await database.migrate(Self.items)
    try await database.run("alter table items rename n to number")
    try await database.migrate(Self.items)
    try await database.run("delete from items")
    #expect(try await database.entries() == [#"delete public.items {"todo": 1, "number": 2}"#])
  }

  @Test func `a partition can be configured, but not together with its table`() async throws {
    let database = try await LedgerDatabase(
      """
      create table parts (id int primary key) partition by list (id);
      create table part_one partition of parts for values in (1, 2);
      insert into parts values (1), (2);
      """)
    let parts = TableConfiguration("parts", keys: "id")
    let one = TableConfiguration("part_one", keys: "id")
    for both in [[one, parts], [parts, one]] {
      #expect(
        try await database.failure(Migration(tables: both).sql).message
          .contains("part_one is a partition of a table that is configured too"))
    }
    try await database.migrate(one)
    try await database.run("delete from parts where id = 1")
    try await database.migrate(parts)
    try await database.run("delete from part_one where id = 2")
    #expect(
      try await database.entries() == [
        #"delete public.part_one {"id": 1}"#, #"delete public.parts {"id": 2}"#,
      ])
  }

  static let tampering = [
    "alter table todos disable trigger zz_sync_log_delete",
    "alter table todos disable trigger zz_sync_log_rekey",
    "alter table todos enable replica trigger zz_sync_log_truncate",
    "drop trigger zz_sync_log_rekey on todos",
    "create table heir () inherits (todos)",
    "create table base (id int not null); alter table todos inherit base",
  ]

  @Test(arguments: tampering)
  func `a table whose deletes can pass unlogged is not called complete`(_ change: String)
    async throws
  {
    let database = try await LedgerDatabase(Self.tables)
    try await database.migrate(Self.todos, Self.items)
    try await database.run(change)
    let complete = "select complete from sync_ledger_tables() where table_name ="
    #expect(try await database.value("\(complete) 'todos'") == "f")
    #expect(try await database.value("\(complete) 'items'") == "t")
  }

  @Test func `a disabled trigger of one partition makes the whole table incomplete`() async throws {
    let database = try await LedgerDatabase(
      """
      create table parts (id int primary key) partition by list (id);
      create table part_one partition of parts for values in (1, 2);
      """)
    try await database.migrate(TableConfiguration("parts", keys: "id"))
    #expect(try await survey(database) == [["parts", "t", "{id}"]])
    try await database.run("alter table part_one disable trigger zz_sync_log_delete")
    #expect(try await survey(database) == [["parts", "f", "{id}"]])
    try await database.run("alter table part_one enable always trigger zz_sync_log_delete")
    #expect(try await survey(database) == [["parts", "t", "{id}"]])
  }

  static let calls = [
    "select * from sync_deletions", "select * from sync_mirrors",
    "insert into sync_deletions (schema_name, table_name, operation) values ('a', 'b', 'truncate')",
    "delete from sync_deletions", "truncate sync_deletions",
    "select nextval('sync_deletions_id_seq')",
    "select * from sync_heartbeat", "insert into sync_heartbeat values ('a', 1)",
    "update sync_heartbeat set beat = 1", "delete from sync_heartbeat", "truncate sync_heartbeat",
    "select sync_feed_tables()",
    "select sync_register_mirror('a')", "select sync_forget_mirror('a')",
    "select sync_mark_processed('a', '{}')", "select sync_prune_deletions()",
    "select sync_horizon()", "select * from sync_ledger_tables()", "select sync_version()",
    "select sync_is_mirror_write()", "select sync_key_expression(0, '{}', '')",
    "select sync_sequences()", "select sync_raise_sequences('[]')", "select sync_sequence_uses()",
    "select sync_disabled_triggers()",
    "select sync_catalogue()", "select sync_catalogue_tables(null)",
    "select sync_key_of_row(0, '{}', '{}')", "select sync_logged_relation(0, '')",
    "select * from sync_tables", "select sync_digest_form()",
    "select sync_digest_parts('', '', '{}', '{}', '[]', 1, 1)",
    "select sync_digest_sums('', '', '{}', '{}', '[]')",
    "select sync_digest_rows('', '', '{}', '{}', '[]')",
    "select sync_digest_terms('', '', '{}', '{}')", "select sync_digest_query('', '', '', '')",
  ]

  @Test(arguments: calls)
  func `nobody but the service role reads the ledger or calls its functions`(_ call: String)
    async throws
  {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    for role in ["anon", "authenticated"] {
      let error = await #expect(throws: PostgresError.self) {
        try await database.run(call, as: role)
      }
      #expect(error?.sqlstate == "42501", "\(role)")
    }
  }

  @Test func `the service role does everything that a mirror needs`() async throws {
    let database = try await LedgerDatabase(Self.tables + "insert into todos values (1)")
    try await database.migrate(Self.todos)
    try await database.run("delete from todos")
    try await database.run(
      """
      select sync_register_mirror('a');
      select sync_mark_processed('a', array_agg(id)) from sync_deletions where not processed_by @> '{a}';
      select sync_prune_deletions('0'), sync_horizon(), count(*), sync_version()
        from sync_ledger_tables();
      select * from sync_mirrors; select sync_feed_tables(), sync_sequences(),
        sync_raise_sequences('[]'), sync_disabled_triggers(), sync_catalogue();
      select * from sync_tables;
      select sync_digest_form(), sync_digest_sums('public', 'todos', '{id}', '{id}', '[[null, null]]');
      """, as: "service_role")
    #expect(try await database.value("select count(*) from sync_deletions") == "0")
    #expect(try await database.value("select sync_version()") == "\(Migration.version)")
  }

  @Test func `every function of ours has a fixed search path`() async throws {
    let database = try await LedgerDatabase(Self.tables)
    try await database.migrate(Self.todos)
    #expect(
      try await database.run(
        """
        select proname from pg_proc where proname like 'sync\\_%'
          and not coalesce(proconfig @> '{"search_path=\\"\\""}', false)
        """) == [])
  }
}
