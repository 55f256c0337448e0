import Testing

extension EndToEnd {
  @Suite struct Types {
    /// Every built-in type at its edges: what JSON readers round, cut, reorder or trim.
    private static let schema = """
      create type mood as enum ('sad', 'ok', 'very "happy", or so');
      create domain positive as integer check (value > 0);
      create type pair as (a integer, b text, c numeric);
      create table types (
        id bigint primary key, updated_at timestamptz not null default now(),
        i2 smallint, i4 integer, i8 bigint, n numeric, n30 numeric(30,10), f4 real, f8 double precision,
        b boolean, t text, v varchar(20), c char(8), by bytea,
        d date, ti time, tz timetz, ts timestamp, tstz timestamptz, ts3 timestamptz(3), iv interval, u uuid,
        j json, jb jsonb, ia integer[], ta text[], im integer[][], jba jsonb[], na numeric[],
        e mood, ea mood[], dm positive, p pair, pa pair[],
        ip inet, net cidr, mac macaddr, mac8 macaddr8,
        r4 int4range, r8 int8range, nr numrange, tr tsrange, tzr tstzrange, dr daterange, mr int4multirange,
        pt point, ln line, sg lseg, bx box, ph path, pg polygon, ci circle,
        bit8 bit(8), vb bit varying, tv tsvector, tq tsquery, x xml, m money, l pg_lsn, o oid, tid tid, xid xid
      );
      """

    private static let seed = #"""
      insert into types values
      (1, '2024-02-29 12:34:56.789012+00', 32767, 2147483647, 9223372036854775807,
       123456789012345678901234567890123456789012345678901234567890.123400, 12345678901234567890.1234567890,
       3.4028235e38, 1.7976931348623157e308, true, 'plain', 'żółć', 'ab', '\x00ff10deadbeef',
       '5874897-12-31', '23:59:59.999999', '23:59:59.5+05:30', '294276-12-31 23:59:59.999999',
       '294276-12-31 23:59:59.999999+00', '2024-02-29 12:34:56.789512+00', '1 year -2 mons 3 days -04:05:06.789012',
       'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1,  "a": [1, 2.50, "x"], "b": 2 , "n":1.0e2}',
       '{"b": 1, "a": [1, 2.50, "x"], "big": 12345678901234567890.50, "nul": null}',
       '{1,NULL,-3}', array['a','b,c','d"e','f\g',null,'NULL','null','','{x}',' y '], '{{1,2},{3,4}}',
       array['{"a":1}'::jsonb, '"s"'::jsonb], array[1.10, null, 'NaN'::numeric], 'very "happy", or so',
       array['sad','very "happy", or so']::mood[], 5, row(1, 'x,"y" (z)', 1.50),
       array[row(1,'a',null)::pair, row(null,null,2.0)::pair], '192.168.1.5/24', '10.0.0.0/8',
       '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '[1,10)', '[-9223372036854775808,9223372036854775807)',
       '(1.50,2.500]', '["2024-01-01 00:00:00.000001","2024-02-01 00:00:00")',
       '["2024-01-01 00:00:00+00",infinity)', '[2024-01-01,)', '{[1,3),[5,7)}', '(1.5,-2)', '{1,-1,0}',
       '[(0,0),(1.1,1)]', '(3,4),(1,2)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(1,2),0.1>',
       B'10101010', B'101', 'a fat:2 cat:3A', 'fat & (cat | !rat)', '<a b="c">x &amp; y</a>', 1234.56, '16/B374D848',
       4294967295, '(1,2)', '123'),
      (2, '2024-02-29 12:34:56.789013+00', -32768, -2147483648, -9223372036854775808, 'NaN', -0.0000000001,
       'Infinity', '-Infinity', false, '', '', '', '', 'infinity', '00:00:00', '00:00:00-12', '-infinity',
       'infinity', '0044-03-15 12:00:00+00 BC', '-1 days -00:00:00.000001',
       '00000000-0000-0000-0000-000000000000', '"just text"', '[]', '{}', '{}', '{}', '{}', '{}', 'sad', '{}', 1,
       row(null, null, null), '{}', '::1', '::/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
       'empty', '(,)', '[0,0]', '(,)', '(,)', '(,)', '{}', '(0,0)', '{0,1,0}', '[(0,0),(0,0)]', '(0,0),(0,0)',
       '((0,0))', '((0,0))', '<(0,0),0>', B'00000000', B'', ''::tsvector, ''::tsquery, '<a/>', -0.01, '0/0', 0,
       '(0,0)', '0'),
      (3, '2024-02-29 12:34:56.789014+00', 0, 0, 9007199254740993, 0.10, 1, '-0', '-0', null,
       E'tab\tnew\nline\r"quote" \\back\\ ''single'' \\u0000 \\n \u00e9 \u4e2d \U0001F600 \U0001F469\u200D\U0001F4BB </script> \u2028 \u0001\u001f \u007f',
       'NULL', 'é', '\x', '0001-01-01', '24:00:00', null, '4713-01-01 00:00:00 BC',
       '0001-12-31 23:59:59.999999+00 BC', '9999-12-31 23:59:59.999+00', '178000000 years', null,
       '[ 1 , 2,   {"a" : "\\u0000 \u0001 \ud83d\ude00"} ]', '{"": "", "é\"\\": "\u2028"}', '{-1,null}',
       array['{x}','(y)',E'\\'], null, null, null, 'ok', null, null, null, null, '2001:db8::1/64',
       '192.168.0.0/16', null, null, '(,5]', null, '(,1.0)', null, '[-infinity,infinity]', null, null,
       '(1e-10,1e300)', null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
      insert into types (id, updated_at, i2, i4, i8, n, n30, f4, f8, b, t, v, c, by, d, ti, tz, ts, tstz) values
      (4, '0044-03-15 12:00:00.000001+00 BC', null, null, 9007199254740991, -0.000, 0.0000000001, 1e-45, 5e-324,
       null, null, null, null, null, '4713-01-01 BC', null, null, '0044-03-15 12:00:00.000001 BC', '-infinity');
      insert into types (id, updated_at, n, f4, f8) values (5, '2024-03-01', 1e1000, 'NaN', 'NaN');
      insert into types (id, updated_at) values (6, '2024-03-01'), (7, '2024-03-01 00:00:00.000001');
      insert into types (id, updated_at, t) values
        (8, '2024-03-02', repeat('long ✓ "text" \ ', 300000)), (9, '2024-03-02', 'null'), (10, '2024-03-02', 'true'),
        (11, '2024-03-02', '12'), (12, '2024-03-02', ' lead and trail '), (13, '2024-03-02', '[]');
      insert into types (id, updated_at, by) values (14, '2024-03-03', decode(repeat('00ff5c22', 100000), 'hex'));
      """#

    @Test func `every built-in type arrives unchanged`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(Self.schema)
      try await stack.source.script(Self.seed)
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("types")])
      try await mirror.migrate(stack)
      let outcome = try await mirror.cron()
      #expect(try await stack.differences("types") == [])
      #expect(outcome.exitCode == 0, "\(outcome)")
      // The limits are named where such columns are.
      #expect(outcome.output.contains("lower bound"), "\(outcome)")
    }

    @Test func `rows with a JSON null are found and counted`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(
        "create table docs (id integer primary key, body jsonb, updated_at timestamptz not null default now())"
      )
      try await stack.source.script(
        #"insert into docs values (1, 'null'), (2, null), (3, '"null"'), (4, '{"a": null}'), (5, 'null')"#
      )
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("docs")])
      try await mirror.migrate(stack)
      for _ in 1...2 {
        let outcome = try await mirror.cron()
        #expect(outcome.exitCode == 1, "\(outcome)")
        #expect(outcome.output.contains("2 rows have a JSON null in body"), "\(outcome)")
      }
      #expect(try await stack.target.value("select count(*) from docs where body is null") == "3")
    }
  }
}
