import Testing

extension EndToEnd {
  @Suite struct Keys {
    private static let tables = """
      create table ints (id bigint primary key, v text, updated_at timestamptz not null default now());
      create table uuids (id uuid primary key, v text, updated_at timestamptz not null default now());
      create table texts (code text primary key, v text, updated_at timestamptz not null default now());
      create table composite (tenant text, at timestamptz, seq bigint, v text,
        updated_at timestamptz not null default now(), primary key (tenant, at, seq));
      create table "Mixed Case, (odd) ""name"" ☕" ("Id Col" integer, "select" text, "a.b" text, "or" text,
        "q""uote" text, "Updated At" timestamptz not null default now(), primary key ("Id Col", "or"));
      create table shop.items (sku text primary key, v text, updated_at timestamptz not null default now());
      create table numerics (n numeric primary key, v text, updated_at timestamptz not null default now());
      """

    private static let rows = #"""
      insert into ints values (1, 'a'), (9007199254740993, 'b'), (9223372036854775807, 'c'), (-9223372036854775808, 'd');
      insert into uuids select md5(i::text)::uuid, 'u' || i from generate_series(1, 700) i;
      insert into texts select * from unnest(array['plain', 'a,b', 'd"q', 'p(q)', 'b\s', 'sp ace', 'null', 'é☕😀',
        '%00', '+plus&amp=eq?q#h', 'a.eq.b', '{x}', '*', ' ', '''', 'or=(a.eq.1)', E'tab\tnl\n', '"quoted"', '\"', '\\',
        'in.(a,b)', 'not.is.null', repeat('long ', 300)]) as t(code), lateral (select 'v') as v(v);
      insert into composite select t, '2024-01-01 00:00:00.000001+00'::timestamptz + i * interval '1 microsecond',
        9223372036854775000 + i, 'v' from unnest(array['acme', 'b,e"t(a)\', 'ünï']) t, generate_series(1, 200) i;
      insert into "Mixed Case, (odd) ""name"" ☕" select i, 's', 'dot', 'or ' || i, 'q' from generate_series(1, 50) i;
      insert into shop.items select 'sku,' || i, 'v' from generate_series(1, 50) i;
      insert into numerics values (1.0, 'a'), (1.10, 'b'), (-0.000001, 'c'),
        (123456789012345678901234567890.123456789, 'd'), ('NaN', 'e');
      """#

    private static let names = [
      "ints", "uuids", "texts", "composite", #""Mixed Case, (odd) ""name"" ☕""#, "shop.items",
      "numerics",
    ]

    private func differences(_ stack: Stack) async throws -> [String] {
      var all: [String] = []
      for name in Self.names { all += try await stack.differences(name) }
      return all
    }

    @Test func `keys of every kind are copied, changed, re-keyed and deleted`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(Self.tables)
      try await stack.source.script(Self.rows)
      let mirror = try MirrorProgram(
        stack,
        tables: [
          MirrorProgram.table("ints"), MirrorProgram.table("uuids"),
          MirrorProgram.table("texts", keys: ["code"]),
          MirrorProgram.table("composite", keys: ["tenant", "at", "seq"]),
          MirrorProgram.table(
            "Mixed Case, (odd) \"name\" ☕", keys: ["Id Col", "or"], by: ["Updated At"]),
          MirrorProgram.table("items", schema: "shop", keys: ["sku"]),
          MirrorProgram.table("numerics", keys: ["n"]),
        ], settings: ["SYNC_DELETE_LIMIT_PERCENT": "100"])
      try await mirror.migrate(stack)
      let first = try await mirror.cron()
      #expect(first.exitCode == 0, "\(first)")
      #expect(try await differences(stack) == [])

      for (table, change) in [
        ("ints", "v = 'x'"), ("uuids", "v = 'x'"), ("texts", "v = 'x'"), ("composite", "v = 'x'"),
        ("shop.items", "v = 'x'"), ("numerics", "v = 'x'"),
      ] {
        try await stack.source.sql("update \(table) set \(change), updated_at = now()")
      }
      try await stack.source.script(
        """
        delete from ints where id = 9007199254740993;
        update ints set id = 9223372036854775806 where id = 9223372036854775807;
        delete from uuids where v = 'x' and id::text < '4';
        delete from texts where code not in ('plain', 'null');
        update texts set code = 'p,("l\\a)in' where code = 'plain';
        delete from composite where seq % 2 = 0;
        update composite set at = at + interval '1 year' where seq % 5 = 0;
        delete from "Mixed Case, (odd) ""name"" ☕" where "Id Col" < 20;
        update "Mixed Case, (odd) ""name"" ☕" set "or" = 'new, "or"' where "Id Col" = 30;
        delete from shop.items where sku like '%1';
        delete from numerics where v = 'x' and n < 2;
        """)
      let second = try await mirror.cron()
      #expect(second.exitCode == 0, "\(second)")
      #expect(try await differences(stack) == [])
      #expect(
        try await stack.source.value(
          "select count(*) from sync_deletions where processed_by = '{}'") == "0")
    }
  }
}
