/// A kind of table.
enum RowShape: String, CaseIterable {
  /// A key and a time.
  case narrow
  /// Twelve columns, as an application's main table has them.
  case usual
  /// One long text, which hardly compresses.
  case wide

  var table: String { "bench_\(rawValue)" }

  var columns: [String] {
    switch self {
    case .narrow: ["id", "updated_at"]
    case .usual:
      [
        "id", "uid", "created_at", "updated_at", "amount", "name", "email", "note", "details",
        "active", "quantity", "score",
      ]
    case .wide: ["id", "updated_at", "body"]
    }
  }

  /// Of a row as JSON, about.
  var bytes: Int {
    switch self {
    case .narrow: 60
    case .usual: 350
    case .wide: 8_000
    }
  }

  /// Rows of a page: as many as the backfill comes to ask for.
  func page(_ maxRows: Int?) -> Int {
    min(self == .wide ? 250 : 5_000, maxRows ?? .max)
  }

  /// Without statistics and cleaning by a server that chooses its own time.
  var definition: String {
    let rest =
      switch self {
      case .narrow: ""
      case .usual:
        """
        , uid uuid not null, created_at timestamptz not null, amount numeric(12,2) not null,
        name text not null, email text not null, note text, details jsonb, active boolean not null,
        quantity integer not null, score double precision
        """
      case .wide: ", body text not null"
      }
    return """
      drop table if exists \(table);
      create table \(table) (id bigint primary key, updated_at timestamptz not null\(rest))
        with (autovacuum_enabled = false);
      create index on \(table) (updated_at, id);
      """
  }

  /// The rows with these keys.
  func rows(_ keys: ClosedRange<Int>) -> String {
    let time = "timestamptz '2024-01-01' + n * interval '1 second'"
    let series = "generate_series(\(keys.lowerBound), \(keys.upperBound)) as n"
    switch self {
    case .narrow: return "insert into \(table) (id, updated_at) select n, \(time) from \(series)"
    case .usual:
      return """
        insert into \(table) (id, uid, created_at, updated_at, amount, name, email, note, details,
          active, quantity, score)
        select n, md5('uid' || n)::uuid, timestamptz '2023-01-01' + n * interval '10 seconds', \(time),
          n % 100000 * 0.01, 'Customer ' || n, 'customer' || n || '@example.org',
          case when n % 10 > 0 then 'Note ' || md5('note' || n) end,
          jsonb_build_object('level', n % 7, 'tags', jsonb_build_array('blue', 'tag ' || n % 100)),
          n % 3 > 0, n % 1000, n % 37 * 0.125
        from \(series)
        """
    case .wide:
      // Put together from a thousand pieces, which is quicker than making each.
      return """
        with pieces as materialized (
          select array_agg(text) as all from (
            select string_agg(md5(p::text || i), '') as text
            from generate_series(1, 211) as p, generate_series(1, 31) as i group by p) as s)
        insert into \(table) (id, updated_at, body)
        select n, \(time), n || pieces.all[1 + n % 211] || pieces.all[1 + n * 3 % 199]
          || pieces.all[1 + n * 5 % 197] || pieces.all[1 + n * 7 % 193] || pieces.all[1 + n * 11 % 191]
          || pieces.all[1 + n * 13 % 181] || pieces.all[1 + n * 17 % 179] || pieces.all[1 + n * 19 % 173]
        from pieces, \(series)
        """
    }
  }
}
