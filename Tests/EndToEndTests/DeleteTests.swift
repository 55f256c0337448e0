import Testing

extension EndToEnd {
  @Suite struct Deletes {
    private func begin(
      _ schema: String, _ tables: [String], settings: [String: String] = [:]
    ) async throws -> (Stack, MirrorProgram) {
      let stack = try await Stack.empty()
      try await stack.both(schema)
      let mirror = try MirrorProgram(stack, tables: tables, settings: settings)
      try await mirror.migrate(stack)
      return (stack, mirror)
    }

    private static let items =
      "create table items (id bigint primary key, v text, updated_at timestamptz not null default now());"

    @Test func `thousands of deletes at once are held until they are approved`() async throws {
      let count = Environment.isLong ? 50_000 : 10_000
      let (stack, mirror) = try await begin(Self.items, [MirrorProgram.table("items")])
      try await stack.source.sql(
        "insert into items select i, 'v' from generate_series(1, \(count + 10_000)) i")
      #expect(try await mirror.cron().exitCode == 0)
      try await stack.source.script(
        "delete from items where id <= \(count); insert into items values (70000, 'new')")
      let held = try await mirror.cron()
      #expect(held.exitCode == 1, "\(held)")
      #expect(held.output.contains("\(count) deletes held"), "\(held)")
      #expect(held.output.contains("--approve-deletes public.items"), "\(held)")
      // Nothing was deleted, and copying went on.
      #expect(try await stack.target.value("select count(*) from items") == "\(count + 10_001)")
      let still = try await mirror.cron()
      #expect(still.exitCode == 1)
      #expect(try await stack.target.value("select count(*) from items") == "\(count + 10_001)")
      let approved = try await mirror.cron("--approve-deletes", "public.items")
      #expect(approved.exitCode == 0, "\(approved)")
      #expect(try await stack.differences("items") == [])
      #expect(try await mirror.cron().exitCode == 0)
    }

    @Test func `single deletes, reinserts, key changes and what happened while the mirror was off`()
      async throws
    {
      let (stack, mirror) = try await begin(
        Self.items, [MirrorProgram.table("items")], settings: ["SYNC_RECONCILE_LOOKBACK_MS": "0"])
      try await stack.source.sql(
        "insert into items select i, 'v', '2025-01-01' from generate_series(1, 200) i")
      #expect(try await mirror.cron().exitCode == 0)
      try await stack.source.script(
        """
        delete from items where id = 1;
        delete from items where id = 2;
        insert into items values (2, 'reinserted with an old time', '2025-01-01');
        update items set id = 1000 where id = 3;
        update items set id = 1001 where id = 4; update items set id = 1002 where id = 1001;
        insert into items values (5000, 'came and went'); delete from items where id = 5000;
        """)
      let outcome = try await mirror.cron()
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(try await stack.differences("items") == [])
    }

    @Test func `a row the ledger names is not deleted while the source has it`() async throws {
      let (stack, mirror) = try await begin(Self.items, [MirrorProgram.table("items")])
      try await stack.source.sql("insert into items select i from generate_series(1, 5) i")
      #expect(try await mirror.cron().exitCode == 0)
      try await stack.source.script(
        """
        insert into sync_deletions (schema_name, table_name, primary_key, operation)
        select 'public', 'items', jsonb_build_object('id', i), 'delete' from generate_series(1, 5) i
        """)
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("items") == [])
      #expect(try await stack.target.value("select count(*) from items") == "5")
    }

    @Test func `rows that are only missing from the source are never deleted`() async throws {
      let (stack, mirror) = try await begin(Self.items, [MirrorProgram.table("items")])
      try await stack.source.sql("insert into items select i from generate_series(1, 50) i")
      #expect(try await mirror.cron().exitCode == 0)
      // Gone without evidence: no trigger fires.
      try await stack.source.script(
        "set session_replication_role = replica; delete from items; reset session_replication_role")
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.target.value("select count(*) from items") == "50")
    }

    @Test func `a truncate is held, then applied; rows of after it stay`() async throws {
      let (stack, mirror) = try await begin(Self.items, [MirrorProgram.table("items")])
      try await stack.source.sql("insert into items select i, 'v' from generate_series(1, 2500) i")
      #expect(try await mirror.cron().exitCode == 0)
      try await stack.source.script(
        "truncate items; insert into items select i, 'after' from generate_series(2400, 2600) i")
      let held = try await mirror.cron()
      #expect(held.exitCode == 1, "\(held)")
      #expect(try await stack.target.value("select count(*) from items") == "2600")
      let approved = try await mirror.cron("--approve-deletes", "all")
      #expect(approved.exitCode == 0, "\(approved)")
      #expect(try await stack.differences("items") == [])
    }

    private static let family = """
      create table parents (id bigint primary key, v text, updated_at timestamptz not null default now());
      create table children (id bigint primary key, parent bigint references parents on delete cascade,
        updated_at timestamptz not null default now());
      create table notes (id bigint primary key, parent bigint references parents on delete set null,
        updated_at timestamptz not null default now());
      """
    private static let familyTables = ["children", "notes", "parents"].map {
      MirrorProgram.table($0)
    }

    @Test func `cascades at the source arrive, children before parents`() async throws {
      let (stack, mirror) = try await begin(Self.family, Self.familyTables)
      try await stack.source.script(
        """
        insert into parents select i, 'p' from generate_series(1, 100) i;
        insert into children select i, i % 100 + 1 from generate_series(1, 1000) i;
        insert into notes select i, i % 100 + 1 from generate_series(1, 100) i;
        """)
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("parents", "children", "notes") == [])
      try await stack.source.script(
        """
        update children set parent = 99, updated_at = now() where id = 1;
        delete from parents where id <= 10;
        """)
      let outcome = try await mirror.cron()
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(try await stack.differences("parents", "children", "notes") == [])
    }

    @Test func `a parent is not deleted while its children's deletes are held`() async throws {
      let (stack, mirror) = try await begin(
        Self.family, Self.familyTables, settings: ["SYNC_DELETE_LIMIT_ROWS": "20"])
      try await stack.source.script(
        """
        insert into parents select i, 'p' from generate_series(1, 100) i;
        insert into children select i, i % 2 + 1 from generate_series(1, 100) i;
        """)
      #expect(try await mirror.cron().exitCode == 0)
      try await stack.source.sql("delete from parents where id = 1")
      let held = try await mirror.cron()
      #expect(held.exitCode == 1, "\(held)")
      // The target's own cascade would have taken fifty children that wait for approval.
      #expect(try await stack.target.value("select count(*) from children") == "100")
      #expect(try await stack.target.value("select count(*) from parents") == "100")
      let approved = try await mirror.cron("--approve-deletes", "all")
      #expect(approved.exitCode == 0, "\(approved)")
      #expect(try await stack.differences("parents", "children") == [])
    }

    @Test func `without the ledger deletes are reported as not mirrored, unless that is wanted`()
      async throws
    {
      let stack = try await Stack.empty()
      try await stack.both(Self.items)
      try await stack.source.sql("insert into items select i from generate_series(1, 5) i")
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
      let outcome = try await mirror.cron()
      #expect(outcome.exitCode == 1, "\(outcome)")
      #expect(outcome.output.contains("supamirror migration"), "\(outcome)")
      #expect(try await stack.differences("items") == [])
      let wanted = try await mirror.cron(settings: ["SYNC_DELETES": "false"])
      #expect(wanted.exitCode == 0, "\(wanted)")
    }
  }
}
