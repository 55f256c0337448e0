import Mirror
import Supabase
import Testing

struct LedgerKeysTests {
  struct KindOfKey: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let table: TableConfiguration
    let columns: String
    let values: String
    /// As jsonb writes it.
    let logged: String

    init(
      _ description: String, _ columns: String, _ values: String, _ logged: String,
      table: TableConfiguration = TableConfiguration("rows", keys: "id")
    ) {
      testDescription = description
      self.table = table
      self.columns = columns
      self.values = values
      self.logged = logged
    }
  }

  static let kinds = [
    KindOfKey(
      "int8 beyond doubles", "id bigint primary key", "9223372036854775807",
      #"{"id": 9223372036854775807}"#),
    KindOfKey(
      "numeric with its trailing zeros", "id numeric primary key",
      "12345678901234567890.123456789012345670",
      #"{"id": 12345678901234567890.123456789012345670}"#),
    KindOfKey("NaN", "id numeric primary key", "'NaN'", #"{"id": "NaN"}"#),
    KindOfKey(
      "double", "id double precision primary key", "0.1::float8 + 0.2::float8",
      #"{"id": 0.30000000000000004}"#),
    KindOfKey(
      "uuid", "id uuid primary key", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
      #"{"id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}"#),
    KindOfKey(
      "text that filters and JSON have to quote", "id text primary key",
      #"E'a,"b" (c) \\ {d} :*%_\n\t&=+ü€😀'"#,
      #"{"id": "a,\"b\" (c) \\ {d} :*%_\n\t&=+ü€😀"}"#),
    KindOfKey("empty text", "id text primary key", "''", #"{"id": ""}"#),
    KindOfKey("bytea", "id bytea primary key", #"'\x00ff5c'"#, #"{"id": "\\x00ff5c"}"#),
    KindOfKey("boolean", "id boolean primary key", "true", #"{"id": true}"#),
    KindOfKey(
      "range of dates", "id daterange primary key", "'[2026-02-01,2026-03-01)'",
      #"{"id": "[2026-02-01,2026-03-01)"}"#),
    KindOfKey(
      "range of times", "id tstzrange primary key",
      "'[2026-02-01 00:00+00,2026-03-01 12:30+00)'",
      #"{"id": "[\"2026-02-01 00:00:00+00\",\"2026-03-01 12:30:00+00\")"}"#),
    KindOfKey("interval", "id interval primary key", "'1 day 02:03'", #"{"id": "1 day 02:03:00"}"#),
    KindOfKey(
      "composite with timestamptz", "tenant int, at timestamptz, primary key (tenant, at)",
      "7, '2026-05-06 07:08:09.123456+02'",
      #"{"at": "2026-05-06T05:08:09.123456+00:00", "tenant": 7}"#,
      table: TableConfiguration("rows", keys: "tenant", "at")),
    KindOfKey(
      "infinity", "id timestamptz primary key", "'infinity'", #"{"id": "infinity"}"#),
    KindOfKey(
      "names with capitals, blanks, quotes, backslashes, other scripts and a dollar tag",
      #""Key ""one""" int, "it's\n" int, "ключ $sync$" int, primary key ("Key ""one""", "it's\n", "ключ $sync$")"#,
      "1, 2, 3", #"{"it's\\n": 2, "Key \"one\"": 1, "ключ $sync$": 3}"#,
      table: TableConfiguration(
        #"Table's "name" \ Ω %I"#, schema: #"My "schema""#, keys: #"Key "one""#, #"it's\n"#,
        "ключ $sync$")),
  ]

  @Test(arguments: kinds)
  func `a key of any kind is logged as PostgREST writes it, whatever the session has set`(
    _ kind: KindOfKey
  ) async throws {
    let quoted = { (name: String) in "\"" + name.replacing("\"", with: "\"\"") + "\"" }
    let table = "\(quoted(kind.table.name.schema)).\(quoted(kind.table.name.name))"
    let database = try await LedgerDatabase(
      """
      create schema if not exists \(quoted(kind.table.name.schema));
      create table \(table) (\(kind.columns));
      """)
    try await database.migrate(kind.table)
    try await database.run("insert into \(table) values (\(kind.values))")
    try await database.run(
      """
      set local timezone = 'Asia/Kathmandu'; set local datestyle = 'German';
      set local intervalstyle = 'iso_8601'; set local bytea_output = 'escape';
      set local extra_float_digits = -15;
      delete from \(table)
      """)
    #expect(
      try await database.entries() == [
        "delete \(kind.table.name.schema).\(kind.table.name.name) \(kind.logged)"
      ])
  }

  @Test func `a key column that was renamed does not stop deletes`() async throws {
    let database = try await LedgerDatabase(
      """
      create table plain (id int primary key);
      create table parts (id int primary key) partition by list (id);
      create table part_one partition of parts for values in (1, 2);
      insert into plain values (1), (2);
      insert into parts values (1);
      """)
    try await database.migrate(
      TableConfiguration("plain", keys: "id"), TableConfiguration("parts", keys: "id"))
    try await database.run(
      """
      alter table plain rename id to ident;
      alter table parts rename id to ident;
      alter table plain rename to simple;
      delete from simple where ident = 1;
      update simple set ident = 3;
      delete from parts;
      """)
    #expect(
      try await database.entries() == [
        #"delete public.simple {"ident": 1}"#, #"rekey public.simple {"ident": 2}"#,
        #"rekey public.simple {"ident": 3}"#, #"delete public.parts {"ident": 1}"#,
      ])
  }
}
