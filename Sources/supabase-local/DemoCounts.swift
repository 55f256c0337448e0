import LocalSupabase
import Transport

/// What the demo finds out by SQL, so that it need not believe the mirror.
struct DemoCounts: Sendable {
  private let source: PostgresPool
  private let target: PostgresPool

  struct Rows: Sendable {
    /// In the order of `DemoTable.all`.
    var source: [Int] = []
    var target: [Int] = []
  }

  /// How long marker rows took from being written at the source to being on the target, in seconds.
  struct MarkerLag: Sendable {
    var count = 0
    var median: Double?
    var p99: Double?
  }

  /// At the target, which has the source's clock here: notes when each marker row arrives.
  static let watch = """
    create schema demo;
    create table demo.arrivals (lag double precision);
    create function demo.note() returns trigger language plpgsql security definer as $$
      begin
        insert into demo.arrivals values (extract(epoch from clock_timestamp() - new.written_at));
        return null;
      end $$;
    create trigger demo_note after insert or update on public.sync_heartbeat
      for each row execute function demo.note();
    """

  init(source: LocalProject, target: LocalProject) {
    self.source = PostgresPool(dsn: source.dsn, size: 1)
    self.target = PostgresPool(dsn: target.dsn, size: 1)
  }

  func rows() async throws -> Rows {
    async let source = rows(source)
    async let target = rows(target)
    return try await Rows(source: source, target: target)
  }

  private func rows(_ database: PostgresPool) async throws -> [Int] {
    let counts = DemoTable.all.map { "(select count(*) from \($0.quoted))" }
    let sql = "select " + counts.joined(separator: ", ")
    return try await database.withConnection(waitAtMost: .seconds(60)) { connection in
      let result = try connection.execute(sql)
      return (0..<result.columnCount).map { Int(result.string(0, $0) ?? "") ?? 0 }
    }
  }

  /// From now on, without what came before.
  func forgetLags() async throws {
    try await target.withConnection(waitAtMost: .seconds(60)) {
      _ = try $0.execute("truncate demo.arrivals")
    }
  }

  func markerLag() async throws -> MarkerLag {
    try await target.withConnection(waitAtMost: .seconds(60)) { connection in
      let result = try connection.execute(
        """
        select count(*), percentile_disc(0.5) within group (order by lag),
          percentile_disc(0.99) within group (order by lag) from demo.arrivals
        """)
      return MarkerLag(
        count: result.string(0, 0).flatMap { Int($0) } ?? 0,
        median: result.string(0, 1).flatMap { Double($0) },
        p99: result.string(0, 2).flatMap { Double($0) })
    }
  }

  /// The source's time, as the status writes times.
  func time() async throws -> String {
    try await source.withConnection(waitAtMost: .seconds(60)) { connection in
      let result = try connection.execute(
        """
        select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        """)
      return result.string(0, 0) ?? ""
    }
  }

  func close() async {
    await source.close()
    await target.close()
  }
}
