import LocalSupabase
import Transport

/// A source and a target with the same tables, each of which stamps when a row came to be what it is.
struct BenchStack: Sendable {
  let source: LocalProject
  let target: LocalProject
  let folder: ClusterFolder
  let tables: Int

  static func name(_ table: Int) -> String { "bench_\(table)" }

  var mirror: MirrorSetup {
    MirrorSetup(
      folder: folder.path, source: .init(url: source.url, key: source.serviceKey),
      target: .init(url: target.url, key: target.serviceKey),
      tables: (0..<tables).map { MirrorSetup.Table(name: Self.name($0)) })
  }

  /// - Parameter eventsPerSecond: the Realtime server's limit; nil: none.
  static func start(
    tables: Int, eventsPerSecond: Int?, pollInterval: Duration = .milliseconds(500)
  ) async throws -> BenchStack {
    var options = LocalProjectOptions()
    options.realtime?.maxEventsPerSecond = eventsPerSecond
    options.realtime?.idlePollInterval = pollInterval
    let source = try await LocalProject.start(options)
    let target: LocalProject
    do {
      target = try await LocalProject.start(options)
    } catch {
      await source.stop()
      throw error
    }
    let stack = BenchStack(
      source: source, target: target, folder: try await ClusterFolder(), tables: tables)
    do {
      try await source.sql(stack.schema)
      try await target.sql(stack.schema)
      try await target.sql(stack.arrivals)
      let migration = try await stack.mirror.migration()
      try await source.sql(migration)
      try await target.sql(migration)
    } catch {
      await stack.stop()
      throw error
    }
    return stack
  }

  func stop() async {
    await source.stop()
    await target.stop()
    await folder.remove()
  }

  private var schema: String {
    (0..<tables).map {
      """
      create table \(Self.name($0)) (id bigint primary key, text text not null, number numeric,
        written_at timestamptz not null default clock_timestamp(),
        updated_at timestamptz not null default now());
      create index on \(Self.name($0)) (updated_at, id);

      """
    }.joined()
  }

  /// The clocks of both projects are this machine's. A trigger runs before the commit, by about a millisecond; so does
  /// the source's stamp.
  private var arrivals: String {
    """
    create table arrivals (at timestamptz not null, lag interval not null);
    create function arrive() returns trigger language plpgsql as $$ begin
      insert into arrivals values (clock_timestamp(), clock_timestamp() - new.written_at);
      return null;
    end $$;

    """
      + (0..<tables).map {
        """
        create trigger arrive_new after insert on \(Self.name($0)) for each row execute function arrive();
        create trigger arrive_changed after update on \(Self.name($0)) for each row
          when (old.written_at is distinct from new.written_at) execute function arrive();

        """
      }.joined()
  }

  /// Rows that are not the same on both sides.
  func differences() async throws -> Int {
    var count = 0
    for table in 0..<tables {
      let sql =
        "set timezone = 'UTC'; select count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))::bit(60)::bigint"
        + " ::numeric), 0) from \(Self.name(table)) as t"
      let (wanted, got) = (try await source.sql(sql), try await target.sql(sql))
      if wanted != got {
        let rows = Int(wanted[0][0] ?? "") ?? 0
        count += max(1, abs(rows - (Int(got[0][0] ?? "") ?? 0)))
      }
    }
    return count
  }

  /// Returns when both sides are the same, and how long that took.
  func converge(within limit: Duration) async throws -> Duration {
    let start = ContinuousClock.now
    while try await differences() > 0 {
      guard ContinuousClock.now - start < limit else {
        throw BenchStopped(description: "the target is still not equal after \(limit)")
      }
      try await Task.sleep(for: .milliseconds(200))
    }
    return ContinuousClock.now - start
  }
}
