import LocalSupabase
import Mirror
import Testing

/// The functions that digest ranges of keys, by themselves.
struct DigestFunctionTests {
  private static let arguments = "'public', 'values_of', '{id}', '{id,v}'"

  private func database(_ type: String, _ rows: String) async throws -> LedgerDatabase {
    let database = try await LedgerDatabase(
      """
      create type mood as enum ('good', 'bad');
      create collation either_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create domain cents as numeric(12, 2);
      create table values_of (id bigint primary key, v \(type));
      insert into values_of values \(rows);
      """)
    try await database.migrate(TableConfiguration("values_of", keys: "id"))
    return database
  }

  private func digest(
    _ database: LedgerDatabase, _ key: String, settings: String = ""
  ) async throws -> String {
    try #require(
      try await database.value(
        "\(settings) select sync_digest_rows(\(Self.arguments), '[[\(key)]]')"))
  }

  /// Two values of a type that must not look alike.
  static let differing: [(String, String, String)] = [
    ("text", "null", "''"), ("text", "''", "' '"), ("text", "'a'", "'A'"),
    ("text collate either_case", "'a'", "'A'"),
    ("text", "'NULL'", "null"),
    ("varchar(9)", "'a'", "'a '"), ("text", "'é'", "U&'e\\0301'"),
    ("numeric", "1.0", "1.00"), ("numeric", "'NaN'", "null"), ("numeric", "0", "null"),
    (
      "numeric", "12345678901234567890.12345678901234567890",
      "12345678901234567890.12345678901234567891"
    ),
    ("cents[]", "'{1.00}'", "'{1.01}'"), ("cents", "0.10", "0.11"),
    ("bigint", "1", "4294967296"), ("bigint", "9007199254740993", "9007199254740992"),
    ("bigint", "-1", "4294967295"), ("integer", "0", "null"), ("smallint", "-1", "1"),
    ("double precision", "0", "'-0'"), ("double precision", "0.1", "0.10000000000000002"),
    ("real", "0.1", "0.10000001"), ("boolean", "false", "null"), ("boolean", "false", "true"),
    ("timestamptz", "'2024-01-01 00:00:00.000001+00'", "'2024-01-01 00:00:00.000002+00'"),
    ("timestamptz", "'infinity'", "'-infinity'"),
    ("timestamp", "'294276-12-31 23:59:59.999998'", "'294276-12-31 23:59:59.999999'"),
    ("date", "'2024-02-29'", "'2024-03-01'"), ("time", "'23:59:59.999999'", "'24:00:00'"),
    ("timetz", "'12:00+00'", "'13:00+01'"), ("interval", "'1 month'", "'30 days'"),
    ("bytea", "''", "null"), ("bytea", "'\\x00'", "'\\x0000'"),
    ("uuid", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    ("jsonb", "'null'", "null"), ("jsonb", "'1.0'", "'1.00'"), ("jsonb", "'{}'", "'[]'"),
    ("json", "'null'", "null"), ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
    ("text[]", "'{}'", "null"), ("text[]", "'{NULL}'", "'{\"NULL\"}'"),
    ("text[]", "'{\"\"}'", "'{}'"),
    ("integer[]", "'[2:3]={1,2}'", "'{1,2}'"), ("mood", "'good'", "'bad'"),
    ("int4range", "'empty'", "null"), ("inet", "'10.0.0.1/8'", "'10.0.0.1/9'"),
    ("money", "0.10::money", "0.11::money"), ("bit varying", "b'0'", "b'00'"),
    ("tsvector", "'a:1'", "'a:2'"), ("xml", "'<a/>'::xml", "'<a></a>'::xml"),
  ]

  @Test(arguments: differing)
  func `values that differ have digests that differ`(
    type: String, first: String, second: String
  ) async throws {
    let database = try await database(type, "(1, \(first)), (2, \(second))")
    // The key counts as well: the same value in another row is another digest.
    let digests = [try await digest(database, "1"), try await digest(database, "2")]
    try await database.run("update values_of set v = \(second) where id = 1")
    let changed = try await digest(database, "1")
    #expect(changed != digests[0] && changed != digests[1])
    try await database.run("update values_of set v = \(first) where id = 1")
    #expect(try await digest(database, "1") == digests[0])
  }

  @Test func `values that are equal have one digest, however they were written`() async throws {
    let database = try await database("jsonb", "(1, '{\"b\": 1, \"a\": [1, 2]}')")
    let first = try await digest(database, "1")
    try await database.run("update values_of set v = '{\"a\":[1,2],\"b\":1}'")
    #expect(try await digest(database, "1") == first)
  }

  @Test(arguments: [
    ("timestamptz[]", "'{2024-01-01 00:00:00.5+00}'"), ("interval", "'1 day 02:03:04.5'"),
    ("double precision[]", "'{0.1,3e100}'"), ("bytea[]", "'{\"\\\\x00ff\"}'"),
    ("money", "12.34::money"),
    ("timestamptz", "'2024-01-01 00:00:00.5+00'"), ("daterange", "'[2024-01-01,2024-03-01)'"),
  ])
  func `settings of the session change nothing`(type: String, value: String) async throws {
    let database = try await database(type, "(1, \(value))")
    let plain = try await digest(database, "1")
    let settings = """
      set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601';
      set extra_float_digits = -15; set bytea_output = 'escape';
      """
    #expect(try await digest(database, "1", settings: settings) == plain)
  }

  @Test func `parts join, and another database has the same sums in them`() async throws {
    let rows = "insert into values_of select i, 'v' || i from generate_series(1, 1000) i"
    let source = try await database("text", "(0, null)")
    let target = try await database("text", "(0, null)")
    for side in [source, target] { try await side.run(rows) }
    let parts = """
      jsonb_array_elements(sync_digest_parts(\(Self.arguments), '[[null, null]]', 100, 100000) -> 0)
        with ordinality as p (part, n)
      """
    #expect(
      try await source.value("select string_agg(part ->> 1, ' ' order by n) from \(parts)")
        == "100 100 100 100 100 100 100 100 100 100 1")
    let bounds = try #require(
      try await source.value(
        "select jsonb_build_array('[null]' || jsonb_agg(part -> 0 order by n)) from \(parts)"))
    #expect(bounds.hasPrefix("[[null, [99], [199], ") && bounds.hasSuffix(", [999], null]]"))
    #expect(
      try await target.value("select sync_digest_sums(\(Self.arguments), '\(bounds)')")
        == (try await source.value("select jsonb_agg(part - 0 order by n) from \(parts)")))
    // Only so many rows of a range are looked at.
    #expect(
      try await source.value(
        """
        select jsonb_path_query_array(sync_digest_parts(\(Self.arguments), '[[[3], null], [null, [3]]]', 2, 4),
          '$[*][*][0 to 1]')
        """) == "[[5], 2, [7], 2, [1], 2, [3], 2]")
  }

  /// What an exclusive or, a sum of columns or a hash without the key would miss.
  @Test(arguments: [
    "update values_of set v = 'x' where id in (1, 2)",
    // Several, as a sum may stay the same for some pairs only.
    "update values_of set v = case id when 1 then 'v2' else 'v1' end where id in (1, 2)",
    "update values_of set v = case id when 3 then 'v4' else 'v3' end where id in (3, 4)",
    "update values_of set v = case id when 5 then 'v6' else 'v5' end where id in (5, 6)",
    "update values_of set v = case id when 7 then 'v8' else 'v7' end where id in (7, 8)",
    "update values_of set v = case id when 9 then 'v10' else 'v9' end where id in (9, 10)",
    "update values_of set v = case id when 2 then 'v9' else 'v2' end where id in (2, 9)",
    "delete from values_of where id = 1; insert into values_of values (11, 'v1')",
    "delete from values_of where id in (1, 10)",
    "insert into values_of values (0, null)",
    "update values_of set v = null where id = 1",
  ])
  func `changes do not cancel`(script: String) async throws {
    let database = try await database("text", "(-1, null)")
    try await database.run("insert into values_of select i, 'v' || i from generate_series(1, 10) i")
    let sum = "select sync_digest_sums(\(Self.arguments), '[[null, null]]')"
    let before = try await database.value(sum)
    try await database.run(script)
    #expect(try await database.value(sum) != before)
  }

  @Test func `each row is in one range, bounds and open ends included`() async throws {
    let database = try await database("text", "(1, 'a'), (2, 'b'), (3, 'c')")
    let rows = { (chains: String) in
      try await database.value(
        """
        select string_agg(pair ->> 0, ' ' order by n) from jsonb_array_elements(
          sync_digest_sums(\(Self.arguments), '\(chains)')) with ordinality as e (pair, n)
        """)
    }
    #expect(try await rows("[[null, [1], [2], null]]") == "1 1 1")
    #expect(try await rows("[[null, [0]], [[0], [3]], [[3], null]]") == "0 3 0")
    #expect(try await rows("[[[1], [3]], [null, null]]") == "2 3")
  }

  @Test func `keys of several columns, of any type and spelling`() async throws {
    let database = try await LedgerDatabase(
      """
      create table "Odd ""Names"" too" (
        "a b" text, at timestamptz, "c'd" char(3), n numeric, f boolean, v jsonb,
        primary key ("a b", at, "c'd", n, f));
      insert into "Odd ""Names"" too" select repeat('\"', i % 3) || 'é,', '2024-01-01'::timestamptz
        + i * interval '1 microsecond', 'x', i / 7.0, i % 2 = 0, '{}' from generate_series(1, 300) i;
      """)
    try await database.migrate(
      TableConfiguration("Odd \"Names\" too", keys: "a b", "at", "c'd", "n", "f"))
    let arguments = #"'public', 'Odd "Names" too', array['a b', 'at', 'c''d', 'n', 'f'], '{v}'"#
    // Every key that the parts name is found again by itself.
    #expect(
      try await database.value(
        """
        with parts as (
          select part, n from jsonb_array_elements(
            sync_digest_parts(\(arguments), '[[null, null]]', 1, 1000) -> 0) with ordinality as p (part, n)
        ), rows as (
          select pair, n from jsonb_array_elements(
            sync_digest_rows(\(arguments), (select jsonb_agg(part -> 0 order by n) from parts))
          ) with ordinality as r (pair, n)
        )
        select count(*) from parts join rows using (n)
        where part -> 1 = pair -> 0 and part -> 2 = pair -> 1
        """) == "300")
    #expect(
      try await database.value(
        """
        select sync_digest_sums(\(arguments), (
          select jsonb_build_array(jsonb_agg(bound order by n)) from (
            select null::jsonb, 0 union all select part -> 0, n from jsonb_array_elements(
              sync_digest_parts(\(arguments), '[[null, null]]', 10, 1000) -> 0)
              with ordinality as p (part, n)) as b (bound, n))) ->> 7
        """)?.hasPrefix("[10, ") == true)
  }

  @Test func `tables that are not registered are refused`() async throws {
    let database = try await database("text", "(1, 'a')")
    try await database.run("create table secret (id bigint primary key, v text)")
    for table in ["secret", "sync_deletions", "missing"] {
      let failure = try await database.failure(
        "select sync_digest_rows('public', '\(table)', '{id}', '{id}', '[[1]]')")
      #expect(failure.sqlstate == "42501")
    }
    let column = try await database.failure(
      "select sync_digest_rows('public', 'values_of', '{id}', '{id,x}', '[[1]]')")
    #expect(column.sqlstate == "42703")
    // Taken out of the configuration.
    try await database.migrate()
    let gone = try await database.failure("select sync_digest_rows(\(Self.arguments), '[[1]]')")
    #expect(gone.sqlstate == "42501")
  }

  @Test func `two databases of one version digest alike, and say so`() async throws {
    let one = try await database("text", "(1, 'a')")
    let other = try await database("text", "(1, 'a')")
    let form = try await one.value("select sync_digest_form()")
    #expect(form?.hasPrefix("1 ") == true)
    #expect(form == (try await other.value("select sync_digest_form()")))
    // Two digests of a known row, so that a change of how rows are digested is noticed.
    #expect(try await digest(one, "1") == (try await digest(other, "1")))
  }
}
