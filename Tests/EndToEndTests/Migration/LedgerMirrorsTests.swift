import LocalSupabase
import Mirror
import Testing

struct LedgerMirrorsTests {
  /// Three entries with the ids 1, 2 and 3, as old as given.
  private func ledger(age: String = "0") async throws -> LedgerDatabase {
    let database = try await LedgerDatabase("")
    try await database.migrate()
    try await database.run(
      """
      insert into sync_deletions (schema_name, table_name, primary_key, operation, occurred_at)
      select 'public', 'todos', jsonb_build_object('id', n), 'delete', now() - interval '\(age)'
      from generate_series(1, 3) as n
      """)
    return database
  }

  private func marks(_ database: LedgerDatabase) async throws -> [[String?]] {
    try await database.run(
      "select processed_by, processed_at is not null from sync_deletions order by id")
  }

  @Test func `an entry is processed when every registered mirror has it`() async throws {
    let database = try await ledger()
    try await database.run("select sync_register_mirror('a'), sync_register_mirror('b')")
    #expect(try await database.value("select sync_mark_processed('a', '{1,2}')") == "2")
    #expect(try await database.value("select sync_mark_processed('a', '{1,2,77}')") == "0")
    #expect(try await marks(database) == [["{a}", "f"], ["{a}", "f"], ["{}", "f"]])
    #expect(try await database.value("select sync_mark_processed('b', '{2,3}')") == "2")
    #expect(try await marks(database) == [["{a}", "f"], ["{a,b}", "t"], ["{b}", "f"]])
  }

  @Test func `a mirror that comes later is waited for, and one that is forgotten is not`()
    async throws
  {
    let database = try await ledger()
    try await database.run("select sync_register_mirror('a')")
    try await database.run("select sync_mark_processed('a', '{1,2}')")
    try await database.run("select sync_register_mirror('b')")
    #expect(try await marks(database) == [["{a}", "f"], ["{a}", "f"], ["{}", "f"]])
    #expect(try await database.value("select sync_prune_deletions('0')") == "0")
    #expect(try await database.value("select sync_forget_mirror('b')") == "t")
    #expect(try await marks(database) == [["{a}", "t"], ["{a}", "t"], ["{}", "f"]])
    #expect(try await database.value("select sync_forget_mirror('b')") == "f")
    // With nobody left to read it, the ledger is kept for whoever comes.
    try await database.run("select sync_forget_mirror('a')")
    #expect(try await database.value("select sync_prune_deletions('0')") == "0")
  }

  @Test func `registering again moves last_seen_at and nothing else`() async throws {
    let database = try await ledger()
    let first = try await database.value("select sync_register_mirror('a')")
    try await database.run("select sync_mark_processed('a', '{1,2,3}')")
    let seen = "select last_seen_at from sync_mirrors"
    let before = try await database.value(seen)
    #expect(try await database.value("select sync_register_mirror('a')") == first)
    #expect(try await database.value(seen) != before)
    #expect(try await marks(database) == [["{a}", "t"], ["{a}", "t"], ["{a}", "t"]])
  }

  @Test(arguments: ["sync_mark_processed('stranger', '{1}')", "sync_register_mirror('')"])
  func `a mirror without a registered name is refused`(_ call: String) async throws {
    let database = try await ledger()
    #expect(try await database.failure("select \(call)").sqlstate == "22023")
  }

  @Test(arguments: [("6 days", "0"), ("8 days", "2")])
  func `processed entries are kept for seven days`(_ age: String, _ pruned: String) async throws {
    let database = try await ledger(age: age)
    try await database.run("select sync_register_mirror('a')")
    try await database.run("select sync_mark_processed('a', '{1,2}')")
    #expect(try await database.value("select sync_prune_deletions()") == pruned)
    #expect(
      try await database.value("select string_agg(id::text, ',' order by id) from sync_deletions")
        == (pruned == "2" ? "3" : "1,2,3"))
  }

  @Test func `two mirrors that mark the same entries at once both do`() async throws {
    let database = try await ledger()
    try await database.run("select sync_register_mirror('a'), sync_register_mirror('b')")
    try await database.run(
      "select sync_mark_processed('a', '{1,2,3}')",
      thenMeanwhile: "select sync_mark_processed('b', '{3,2,1}')")
    #expect(try await marks(database) == [["{a,b}", "t"], ["{a,b}", "t"], ["{a,b}", "t"]])
  }

  @Test func `a mirror that registers while another marks is waited for`() async throws {
    let database = try await ledger()
    try await database.run("select sync_register_mirror('a')")
    try await database.run(
      "select sync_mark_processed('a', '{1,2,3}')",
      thenMeanwhile: "select sync_register_mirror('b')")
    #expect(try await marks(database) == [["{a}", "f"], ["{a}", "f"], ["{a}", "f"]])
  }

  @Test func `an entry that commits late is there for whoever reads by its mark`() async throws {
    let database = try await LedgerDatabase(
      "create table todos (id int primary key); insert into todos values (1), (2)")
    try await database.migrate(TableConfiguration("todos", keys: "id"))
    try await database.run("select sync_register_mirror('a')")
    let unread = """
      select string_agg(primary_key::text, ' ') from sync_deletions
      where processed_at is null and not processed_by @> '{a}'
      """
    let found = try await database.withConnections { early, late in
      // Takes its id first, is seen last.
      try early.run(script: "begin; delete from todos where id = 1")
      try late.run(script: "delete from todos where id = 2")
      try late.run(script: "select sync_mark_processed('a', array_agg(id)) from sync_deletions")
      try early.run(script: "commit")
      return try late.run(script: unread).string(0, 0)
    }
    #expect(found == #"{"id": 1}"#)
  }

  @Test func `the horizon is behind the oldest running transaction`() async throws {
    let database = try await ledger()
    let isRecent = "select sync_horizon() between now() - interval '6 s' and now() - interval '4 s'"
    #expect(try await database.value(isRecent) == "t")
    try await database.withConnections { running, other in
      let start = try running.run(script: "begin; select now() - interval '5 s'").string(0, 0)
      try running.run(script: "insert into sync_mirrors (name) values ('x')")
      #expect(try other.run(script: "select sync_horizon()").string(0, 0) == start)
      try running.run(script: "commit")
      #expect(
        try other.run(script: "select sync_horizon() > '\(start ?? "")'").string(0, 0) == "t")
    }
  }

  @Test func `a prepared transaction holds the horizon back`() async throws {
    let database = try await ledger()
    try await database.withConnections { connection, _ in
      try connection.run(script: "begin; insert into sync_mirrors (name) values ('x')")
      try connection.run(script: "prepare transaction 'ledger_horizon'")
      let isBehind = try connection.run(
        script: "select sync_horizon() < now() - interval '59 min'"
      ).string(0, 0)
      try connection.run(script: "rollback prepared 'ledger_horizon'")
      #expect(isBehind == "t")
      #expect(
        try connection.run(script: "select sync_horizon() > now() - interval '6 s'").string(0, 0)
          == "t")
    }
  }

  @Test func `an owner who may not see other transactions knows no horizon`() async throws {
    let database = try await LedgerDatabase("", owner: "uninformed")
    try await database.migrate()
    #expect(try await database.value("select sync_horizon() is null") == "t")
  }
}
