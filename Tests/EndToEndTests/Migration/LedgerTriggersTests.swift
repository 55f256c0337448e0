import LocalSupabase
import Mirror
import Testing

struct LedgerTriggersTests {
  static let todos = TableConfiguration("todos", keys: "id")

  @Test func `each deleted row is an entry, and a delete of nothing is none`() async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key, title text);
      insert into todos select n, 'title' from generate_series(1, 4) as n;
      """)
    try await database.migrate(Self.todos)
    try await database.run("delete from todos where id in (1, 2)")
    try await database.run("delete from todos where id = 99")
    try await database.run("update todos set title = 'other', id = id")
    try await database.run(
      "merge into todos using (values (3)) as v (id) on v.id = todos.id when matched then delete")
    #expect(
      try await database.entries() == [
        #"delete public.todos {"id": 1}"#, #"delete public.todos {"id": 2}"#,
        #"delete public.todos {"id": 3}"#,
      ])
    #expect(
      try await database.value("select count(*) from sync_deletions where origin is null") == "3")
  }

  @Test func `cascades are logged on every table they reach`() async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key);
      create table items (id int primary key, todo int references todos on delete cascade on update cascade);
      create table notes (item int references items on delete cascade, n int, primary key (item, n));
      create table labels (todo int primary key references todos on update cascade);
      insert into todos values (1), (2), (3);
      insert into items select t * 10 + n, t from generate_series(1, 2) as t, generate_series(1, 2) as n;
      insert into notes select id, 7 from items;
      insert into labels values (3);
      """)
    try await database.migrate(
      Self.todos, TableConfiguration("items", keys: "id"),
      TableConfiguration("notes", keys: "item", "n"), TableConfiguration("labels", keys: "todo"))
    try await database.run("delete from todos where id < 3")
    #expect(
      try await database.entries().sorted() == [
        #"delete public.items {"id": 11}"#, #"delete public.items {"id": 12}"#,
        #"delete public.items {"id": 21}"#, #"delete public.items {"id": 22}"#,
        #"delete public.notes {"n": 7, "item": 11}"#, #"delete public.notes {"n": 7, "item": 12}"#,
        #"delete public.notes {"n": 7, "item": 21}"#, #"delete public.notes {"n": 7, "item": 22}"#,
        #"delete public.todos {"id": 1}"#, #"delete public.todos {"id": 2}"#,
      ])
    try await database.run("delete from sync_deletions; update todos set id = 30 where id = 3")
    #expect(
      try await database.entries().sorted() == [
        #"rekey public.labels {"todo": 30}"#, #"rekey public.labels {"todo": 3}"#,
        #"rekey public.todos {"id": 30}"#, #"rekey public.todos {"id": 3}"#,
      ])
  }

  @Test func `a changed key is logged as it was and as it is, whoever changed it`() async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key, title text);
      create function renumber() returns trigger language plpgsql as $$
        begin new.id := 100; return new; end $$;
      insert into todos values (1, 'one'), (2, 'two');
      """)
    try await database.migrate(Self.todos)
    try await database.run("update todos set id = 10 where id = 1")
    // Not in the SET list: a trigger for UPDATE OF id would not run.
    try await database.run(
      """
      create trigger renumber before update on todos for each row when (new.title = 'renumber')
        execute function renumber();
      update todos set title = 'renumber' where id = 2;
      """)
    #expect(
      try await database.entries() == [
        #"rekey public.todos {"id": 1}"#, #"rekey public.todos {"id": 10}"#,
        #"rekey public.todos {"id": 2}"#, #"rekey public.todos {"id": 100}"#,
      ])
  }

  @Test func `a truncate is one entry for each table it empties`() async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key);
      create table items (id int primary key, todo int references todos);
      """)
    try await database.migrate(Self.todos, TableConfiguration("items", keys: "id"))
    try await database.run("truncate todos cascade")
    #expect(try await database.entries() == ["truncate public.todos", "truncate public.items"])
  }

  @Test func `rows of a partitioned table are logged under its name, however they go`() async throws
  {
    let database = try await LedgerDatabase(
      """
      create table events (id int, day date, note text, primary key (id, day)) partition by range (day);
      create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01')
        partition by range (day);
      create table events_january partition of events_2025 for values from ('2025-01-01') to ('2025-02-01');
      """)
    try await database.migrate(TableConfiguration("events", keys: "id", "day"))
    try await database.run(
      """
      create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
      insert into events select n, '2025-01-05' from generate_series(1, 4) as n;
      insert into events values (5, '2026-01-05');
      delete from events where id = 1;
      delete from events_january where id = 2;
      delete from events_2026;
      update events set id = 40 where id = 4;
      """)
    #expect(
      try await database.entries() == [
        #"delete public.events {"id": 1, "day": "2025-01-05"}"#,
        #"delete public.events {"id": 2, "day": "2025-01-05"}"#,
        #"delete public.events {"id": 5, "day": "2026-01-05"}"#,
        #"rekey public.events {"id": 4, "day": "2025-01-05"}"#,
        #"rekey public.events {"id": 40, "day": "2025-01-05"}"#,
      ])
    // To another partition: PostgreSQL makes that a delete and an insert.
    try await database.run(
      "delete from sync_deletions; update events set day = '2026-02-02' where id = 3")
    #expect(
      Set(try await database.entries()).isSuperset(of: [
        #"rekey public.events {"id": 3, "day": "2025-01-05"}"#,
        #"rekey public.events {"id": 3, "day": "2026-02-02"}"#,
      ]))
  }

  @Test func `a table that inherits is logged when its rows go through the parent`() async throws {
    let database = try await LedgerDatabase(
      """
      create table base (id int primary key);
      create table heir (primary key (id)) inherits (base);
      insert into heir values (1), (2);
      """)
    try await database.migrate(TableConfiguration("heir", keys: "id"))
    try await database.run("delete from base where id = 1; delete from heir where id = 2")
    #expect(
      try await database.entries() == [
        #"delete public.heir {"id": 1}"#, #"delete public.heir {"id": 2}"#,
      ])
  }

  @Test func `a mass delete costs one statement`() async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key);
      insert into todos select generate_series(1, 50000);
      """)
    try await database.migrate(Self.todos)
    try await database.run("delete from todos")
    #expect(
      try await database.run(
        "select count(*), count(distinct primary_key), count(distinct xmin::text) from sync_deletions"
      )
        == [["50000", "50000", "1"]])
    // A row trigger would have had 50,000 calls.
    #expect(
      try await database.value(
        "select tgtype & 1 from pg_trigger where tgname = 'zz_sync_log_delete'") == "0")
  }

  struct Request: Sendable, CustomTestStringConvertible {
    let role: String
    let headers: String?
    let isLogged: Bool
    var testDescription: String { "\(role) \(headers ?? "without headers")" }
  }

  static let requests = [
    Request(role: "service_role", headers: #"{"x-supamirror-origin":"a"}"#, isLogged: false),
    Request(
      role: "service_role", headers: #"{"host":"x","x-supamirror-origin":"a b"}"#, isLogged: false),
    Request(role: "service_role", headers: nil, isLogged: true),
    Request(role: "service_role", headers: "", isLogged: true),
    Request(role: "service_role", headers: #"{"host":"x"}"#, isLogged: true),
    Request(role: "service_role", headers: #"{"x-supamirror-origin":""}"#, isLogged: true),
    Request(role: "service_role", headers: #"{"x-supamirror-origin":null}"#, isLogged: true),
    Request(role: "service_role", headers: #"{"host":"x-supamirror-origin"}"#, isLogged: true),
    Request(role: "service_role", headers: "x-supamirror-origin {not json", isLogged: true),
    Request(role: "service_role", headers: #"["x-supamirror-origin"]"#, isLogged: true),
    Request(role: "service_role", headers: #""x-supamirror-origin""#, isLogged: true),
    // Anybody can send a header. It must not be a way to delete unseen.
    Request(role: "authenticated", headers: #"{"x-supamirror-origin":"a"}"#, isLogged: true),
    Request(role: "authenticated", headers: nil, isLogged: true),
    Request(role: "anon", headers: nil, isLogged: true),
  ]

  @Test(arguments: requests)
  func `only what a mirror writes goes unlogged`(_ request: Request) async throws {
    let database = try await LedgerDatabase(
      """
      create table todos (id int primary key);
      create table parts (id int primary key) partition by list (id);
      create table part_one partition of parts for values in (1, 2);
      grant select, delete, update, truncate on todos, parts to anon, authenticated, service_role;
      insert into todos values (1), (2);
      insert into parts values (1);
      """)
    try await database.migrate(Self.todos, TableConfiguration("parts", keys: "id"))
    try await database.run(
      """
      delete from todos where id = 1; update todos set id = 20 where id = 2; delete from parts;
      truncate todos
      """,
      as: request.role, headers: request.headers)
    #expect(
      try await database.entries()
        == (request.isLogged
          ? [
            #"delete public.todos {"id": 1}"#, #"rekey public.todos {"id": 2}"#,
            #"rekey public.todos {"id": 20}"#, #"delete public.parts {"id": 1}"#,
            "truncate public.todos",
          ] : []))
    #expect(try await database.value("select count(*) from todos") == "0")
  }

  @Test func `a delete that cannot be logged does not happen`() async throws {
    let database = try await LedgerDatabase(
      "create table todos (id int primary key); insert into todos values (1)")
    try await database.migrate(Self.todos)
    try await database.run(
      "alter table sync_deletions add constraint full_up check (operation <> 'delete')")
    #expect(try await database.failure("delete from todos").sqlstate == "23514")
    #expect(try await database.value("select count(*) from todos") == "1")
  }
}
