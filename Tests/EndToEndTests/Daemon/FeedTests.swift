import Mirror
import Testing

/// What users do at the source, and the daemon hears of by the feed alone.
@Suite(.serialized, .ofPair(.feed)) struct Feed {
  struct Change: Sendable, CustomStringConvertible {
    let description: String
    let script: String

    init(_ description: String, _ script: String) {
      self.description = description
      self.script = script
    }
  }

  /// In this order.
  private static let changes = [
    Change("an insert", "insert into items values (1, 'a'), (2, 'b'), (3, 'c')"),
    Change("an update", "update items set v = 'changed', updated_at = now() where id = 1"),
    Change(
      "an update that leaves the field of time alone", "update items set v = 'x' where id = 2"),
    Change("an update of nothing", "update items set v = v"),
    Change("another key", "update items set id = 20 where id = 2"),
    Change("keys exchanged", "update items set id = 3 + 20 - id + 1000 where id in (3, 20)"),
    Change("a delete", "delete from items where id = 1"),
    Change(
      "a row that goes and comes back",
      "insert into items values (5, 'old'); delete from items where id = 5; insert into items values (5, 'new')"
    ),
    Change(
      "a row that was there for a moment",
      "insert into items values (6, ''); delete from items where id = 6"),
    Change(
      "a long value",
      "insert into items select 7, string_agg(md5(i::text), '') from generate_series(1, 3200) i"),
    Change(
      "a row whose long value is unchanged", "update items set updated_at = now() where id = 7"),
    Change(
      "a key beyond what a double holds",
      "insert into items values (9007199254740993, 'n'), (9007199254740992, 'm')"),
    Change("a delete of such a key", "delete from items where id = 9007199254740993"),
    Change(
      "values that JSON has no numbers for, and those it rounds",
      #"""
      insert into kinds values (1, '\x00ff10', 'NaN', 'Infinity', 'NaN', '{1,NULL,-3}', array['a,b', 'd"q', null],
        123456789012345678.12345678901234567890, '2024-02-29 12:34:56.789012+00', '{"b": 1, "a": 1.50}', '{"b": 1.50}',
        'ab', '1 day 00:00:00.000001')
      """#),
    Change(
      "the same changed", "update kinds set by = decode(repeat('00ff', 60000), 'hex'), n = 0.10"),
  ]

  @Test func `every change of a row arrives without a pass`() async throws {
    try await DaemonWorld.run(
      .feed,
      """
      create table \(DaemonWorld.items);
      create table kinds (id integer primary key, by bytea, n numeric, f8 double precision, f4 real, ia integer[],
        ta text[], n38 numeric(38,20), at timestamptz, j json, jb jsonb, c char(8), iv interval,
        updated_at timestamptz default now());
      """, [MirrorProgram.table("items"), MirrorProgram.table("kinds")],
      settings: ["SYNC_DELETE_LIMIT_PERCENT": "100"]
    ) { world in
      for change in Self.changes {
        let hadPass = try await world.change(change.script, ["items", "kinds"])
        #expect(!hadPass, "\(change)")
      }
      // Records over the limit come without their long values; that they do may make a pass useful.
      _ = try await world.change(
        "insert into items select 8, string_agg(md5(i::text), '') from generate_series(1, 98304) i")
      _ = try await world.change("update items set updated_at = now() where id = 8")
      let status = try await world.daemon.status()
      #expect(status.feed.missedRows == 0)
      #expect(status.problems == [])
    }
  }

  @Test func `keys of every kind are named by the feed`() async throws {
    try await DaemonWorld.run(
      .feed,
      #"""
      create table "Line Items" ("Order No" integer, "a.b" text, "or" text, "Updated At" timestamptz default now(),
        primary key ("Order No", "a.b"));
      create table moments (tenant text, at timestamptz, seq bigint, v text, updated_at timestamptz default now(),
        primary key (tenant, at, seq));
      create table uuids (id uuid primary key, v text, updated_at timestamptz default now());
      create table chars (code char(6) primary key, v text, updated_at timestamptz default now());
      create table shop.items (sku text primary key, v text, updated_at timestamptz default now());
      """#,
      [
        MirrorProgram.table("Line Items", keys: ["Order No", "a.b"], by: ["Updated At"]),
        MirrorProgram.table("moments", keys: ["tenant", "at", "seq"]),
        MirrorProgram.table("uuids"), MirrorProgram.table("chars", keys: ["code"]),
        MirrorProgram.table("items", schema: "shop", keys: ["sku"]),
      ], settings: ["SYNC_DELETE_LIMIT_PERCENT": "100"]
    ) { world in
      let named = [#""Line Items""#, "moments", "uuids", "shop.items"]
      let changes = [
        #"""
        insert into "Line Items" values (1, 'é☕', 'x'), (2, 'a,b"c\d', 'y');
        insert into moments values ('b,e"t(a)\', '2024-01-01 00:00:00.000001+00', 9223372036854775000, 'v'),
          ('x', 'infinity', 1, 'v');
        insert into uuids select md5(i::text)::uuid, 'u' from generate_series(1, 20) i;
        insert into shop.items values ('sku,1', 'v'), ('or=(a.eq.1)', 'w'), ('null', 'n');
        """#,
        #"""
        update "Line Items" set "or" = 'z'; update moments set v = 'w'; update uuids set v = 'w';
        update shop.items set v = 'q';
        """#,
        #"""
        update "Line Items" set "a.b" = ' ' where "Order No" = 1; update moments set seq = -1 where tenant = 'x';
        update shop.items set sku = 'sku,2' where sku = 'sku,1';
        """#,
        #"""
        delete from "Line Items" where "Order No" = 2; delete from moments where tenant = 'x';
        delete from uuids where v = 'w' and id::text < '8'; delete from shop.items where sku in ('null', 'sku,2');
        """#,
      ]
      for script in changes {
        let hadPass = try await world.change(script, named)
        #expect(!hadPass, "\(script)")
      }
      // The feed cuts such keys, so it can only say that something changed, and has a pass find out what.
      for script in [
        "insert into chars values ('ab', 'x'), ('abcdef', 'y')",
        "update chars set v = 'z', updated_at = now()",
        "update chars set code = 'q' where code = 'ab'", "delete from chars where code = 'q'",
      ] {
        _ = try await world.change(script, ["chars"])
      }
    }
  }

  @Test func `families arrive whole, and cascades take them away`() async throws {
    try await DaemonWorld.run(
      .feed,
      """
      create table parents (id bigint primary key, v text, updated_at timestamptz default now());
      create table children (id bigint primary key, parent bigint references parents on delete cascade,
        updated_at timestamptz default now());
      """, [MirrorProgram.table("children"), MirrorProgram.table("parents")],
      settings: ["SYNC_DELETE_LIMIT_PERCENT": "100"]
    ) { world in
      let family = ["children", "parents"]
      for number in 1...5 {
        let hadPass = try await world.change(
          """
          insert into parents values (\(number), 'p');
          insert into children select \(number) * 100 + i, \(number) from generate_series(1, 50) i;
          """, family)
        #expect(!hadPass, "\(number)")
      }
      _ = try await world.change(
        """
        update children set parent = 3 where parent = 1 and id % 2 = 0;
        delete from parents where id in (1, 2);
        """, family)
      #expect(try await world.daemon.status().problems == [])
    }
  }

  @Test func `a truncate is found by a pass, and rows after it come by the feed`() async throws {
    try await DaemonWorld.run(
      .feed,
      settings: ["SYNC_RECONCILE_INTERVAL_MS": "1500", "SYNC_DELETE_LIMIT_PERCENT": "100"]
    ) { world in
      _ = try await world.change("insert into items select i, 'v' from generate_series(1, 50) i")
      // The feed says nothing of it.
      _ = try await world.change("truncate items")
      _ = try await world.change("insert into items select i, 'n' from generate_series(40, 60) i")
      _ = try await world.change("truncate items; insert into items values (1, 'again')")
    }
  }
}
