/// The source's rows before anything happens to them.
enum DemoRows {
  /// 50,000 rows. `n` is the row's number; what varies, varies by it, so every demo is the same.
  static let seed = #"""
    insert into customers
    select case when n % 4 = 0 then 9223372036854775807 - n else n end, 'customer' || n || '@example.org',
      (array['Zoë Ångström', 'O''Brien, "Pat"', '李小龍', E'tab\tand\nline', 'Jürgen 😀', ''])[n % 6 + 1],
      (array['DE', 'JP', 'BR', null])[n % 4 + 1],
      case when n % 3 = 0 then null
        else jsonb_build_object('n', n, 'exact', 12345678901234567890.1234567890, 'none', null) end,
      now() - n * interval '1 hour', now() - n * interval '7 min'
    from generate_series(1, 8000) as n;

    insert into products
    select (array['A-', 'b/', 'C,"(', 'd e ', 'Ω&=', '%2B\'])[n % 6 + 1] || n, 'Product ' || n,
      n * 1.10, case n % 50 when 0 then 'NaN' when 1 then '-Infinity' when 2 then '-0' else n / 7.0 end,
      case n % 3 when 0 then null when 1 then '{}' else array['a,b', 'c "d"', null, 'NULL'] end,
      now() - n * interval '13 min'
    from generate_series(1, 2000) as n;

    insert into orders
    select md5('order' || n)::uuid, (select id from customers offset (n * 7919) % 100 limit 1),
      timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '17.000001 min',
      (array['open', 'paid', 'sent "express"'])[n % 3 + 1]::order_status,
      n * 0.12345678901234567890, now() - n * interval '3 min'
    from generate_series(1, 12000) as n;

    -- Three stamps for 24,000 rows: pages have to end in the middle of one.
    insert into order_items
    select o.id, o.placed_at, l, (select sku from products offset (l * 31) % 50 limit 1), l * 3,
      now() - (l % 3) * interval '1 day'
    from orders as o, generate_series(1, 2) as l;

    insert into archive."Scanned documents"
    select md5('document' || n)::uuid, 'Title, "' || n || '"', repeat('Straße Ελλάδα 東京 \ "quoted" ', n % 60),
      case when n % 4 = 0 then null else decode(repeat(md5(n::text), n % 40), 'hex') end,
      now()::timestamp - n * interval '1 min'
    from generate_series(1, 3000) as n;

    insert into all_types
    select n, n % 2 = 0, n, -n, 9007199254740993 + n, 'NaN', n * 0.00000000000000000001, n / 3.0,
      n / 3.0, n * 1.01, E'back\\slash "quote" \u00e9\u0301 ' || n, 'v' || n, 'c', decode('00ff5c', 'hex'),
      date '2026-01-01' + n, time '23:59:59.999999', timetz '12:00:00.5+05:30', timestamp '1999-12-31 23:59:59.999999',
      case n % 3 when 0 then 'infinity' when 1 then '0044-03-15 12:00:00+00 BC' else now() end,
      interval '1 year 2 mons -3 days 04:05:06.789', md5(n::text)::uuid, '{"a":1, "a":2,   "b":1.0}',
      '{"big": 123456789012345678901234567890, "text": "\u20ac"}', '<a b="c">text</a>', '2001:db8::1/64',
      '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:ff:fe:01:02:03', b'10101010', b'101', '(1.5,-2)', '{1,2,3}',
      '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(1,2),3>',
      'a fat cat', 'fat & (cat | !rat)', '[1,5)', '[9007199254740993,)', '(0.5,1.5]', '[2026-01-01,2026-02-01)',
      '[2026-01-01 00:00+00,)', 'empty', '{[1,3),[7,9)}', 'paid', 99.90, ('Main "St", 5', n)::address,
      array[n, null, -n], array[[1, 2], [3, 4]], array['', 'NULL', null, '{}', 'a\b'], '{open,"sent \"express\""}',
      array[now(), 'infinity']::timestamptz[], now() - n * interval '1 s'
    from generate_series(1, 999) as n;
    insert into all_types (id) values (1000);

    analyze;
    """#
}
