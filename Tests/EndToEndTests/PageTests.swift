import Testing

extension EndToEnd {
  @Suite struct Pages {
    @Test func `a hundred thousand rows of one moment all arrive, in flat memory`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(
        "create table ties (id bigint primary key, body text, updated_at timestamptz not null)")
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("ties")])
      try await mirror.migrate(stack)
      let insert = { (range: String, moment: String) in
        "insert into ties select i, 'row ' || i, '\(moment)' from generate_series(\(range)) i"
      }
      try await stack.source.sql(insert("1, 10000", "2026-01-01"))
      let small = try await mirror.cron()
      #expect(small.exitCode == 0, "\(small)")
      try await stack.source.sql(insert("10001, 110000", "2026-01-02"))
      let large = try await mirror.cron()
      #expect(large.exitCode == 0, "\(large)")
      #expect(try await stack.differences("ties") == [])
      // Ten times the rows, the same memory: what is held are pages.
      #expect(
        large.peakMemory < small.peakMemory + (24 << 20), "\(small.peakMemory) \(large.peakMemory)")
    }

    @Test func `a second pass writes only what changed`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(
        """
        create table notes (id uuid primary key default gen_random_uuid(), body text,
          updated_at timestamptz not null default now())
        """)
      try await stack.source.sql(
        "insert into notes (body) select 'note ' || i from generate_series(1, 3000) i")
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("notes")])
      try await mirror.migrate(stack)
      #expect(try await mirror.cron().exitCode == 0)
      let quiet = try await mirror.cron()
      #expect(quiet.exitCode == 0, "\(quiet)")
      #expect(try await stack.differences("notes") == [])
      // xmin is the transaction that wrote a row: the second pass left every row alone.
      let writers = "select count(distinct xmin::text) from notes"
      let before = try await stack.target.value(writers)
      try await stack.source.sql(
        "update notes set body = 'changed', updated_at = now() where body like '%7'")
      let busy = try await mirror.cron()
      #expect(busy.exitCode == 0, "\(busy)")
      #expect(try await stack.differences("notes") == [])
      #expect(before != nil)
      #expect(
        try await stack.target.value(
          "select count(*) from notes where xmin::text = (select max(xmin::text::bigint)::text from notes) and body <> 'changed'"
        )
          == "0")
    }

    @Test func `rows without a value in the field, and rows of the future, arrive`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(
        "create table odd (id integer primary key, body text, updated_at timestamptz)")
      try await stack.source.script(
        """
        insert into odd select i, 'null ' || i, null from generate_series(1, 1500) i;
        insert into odd values (2000, 'now', now()), (2001, 'far', '2999-01-01'), (2002, 'inf', 'infinity'),
          (2003, 'long ago', '-infinity'), (2004, 'BC', '0044-03-15 BC');
        """)
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("odd")])
      try await mirror.migrate(stack)
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("odd") == [])
      // The future rows did not drag the checkpoint with them.
      try await stack.source.script(
        """
        insert into odd values (3000, 'after', now());
        update odd set body = 'changed' where id = 7;
        """)
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("odd") == [])
    }

    @Test(arguments: ["timestamptz", "timestamp", "date", "bigint", "smallint"])
    func `every kind of incremental field`(type: String) async throws {
      let stack = try await Stack.empty()
      let isNumber = type.hasSuffix("int")
      try await stack.both(
        "create table t (id integer primary key, body text, at \(type) not null)")
      let value = { (i: String) in
        isNumber
          ? "(\(i) - 32768)"
          : "(now() at time zone 'UTC' - interval '3 days' + \(i) * interval '1 minute')"
      }
      try await stack.source.sql(
        "insert into t select i, 'row', \(value("i")) from generate_series(1, 2345) i")
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("t", by: ["at"])])
      try await mirror.migrate(stack)
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("t") == [])
      try await stack.source.sql(
        "update t set body = 'changed', at = \(value("2400")) where id % 100 = 0")
      #expect(try await mirror.cron().exitCode == 0)
      #expect(try await stack.differences("t") == [])
    }

    @Test func `a first pass takes the history it was told, and says what it left`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(
        "create table t (id integer primary key, updated_at timestamptz not null)")
      try await stack.source.script(
        "insert into t values (1, now() - interval '3 days'), (2, now() - interval '1 hour')")
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("t")],
        settings: ["SYNC_INITIAL_BACKFILL_MS": "86400000"])
      try await mirror.migrate(stack)
      let outcome = try await mirror.cron()
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(outcome.output.contains("were not copied"), "\(outcome)")
      #expect(try await stack.target.value("select string_agg(id::text, ',') from t") == "2")
    }
  }
}
