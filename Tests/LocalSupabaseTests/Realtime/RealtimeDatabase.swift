import LocalSupabase
import Transport

/// A server with the tables that were recorded. There can be one slot of its name in a server, so tests take turns.
actor RealtimeDatabase {
  private static let starting = Task { try await RealtimeDatabase() }
  static func shared() async throws -> RealtimeDatabase { try await starting.value }

  nonisolated let cluster: PostgresCluster
  nonisolated let dsn: String
  private let pool: PostgresPool
  /// What the publication is made of.
  private var published = ""

  init() async throws {
    cluster = try await PostgresCluster.start()
    dsn = cluster.dsn()
    pool = PostgresPool(dsn: dsn, size: 2)
    let schema = try RealtimeRecording.text("schema.sql")
    try await run(
      """
      create role anon nologin; create role authenticated nologin;
      create role service_role nologin bypassrls;
      create publication supabase_realtime;
      """)
    try await run(schema)
    published =
      try await run(
        "select string_agg(prrelid::regclass::text, ', ') from pg_publication_rel")[0][0] ?? ""
  }

  @discardableResult
  func run(_ sql: String) async throws -> [[String?]] {
    try await pool.withConnection(waitAtMost: .seconds(60)) { try $0.run(script: sql).rows }
  }

  /// Returns when the slot was polled with all that is committed now.
  func waitForPoll() async throws {
    let position = try await run("select pg_current_wal_flush_lsn()")[0][0] ?? ""
    while try await run(
      """
      select from pg_replication_slots where slot_name = 'supabase_realtime_replication_slot'
        and confirmed_flush_lsn >= '\(position)'
      """
    ).isEmpty { await Task.yield() }
  }

  /// Returns when the slot is gone.
  func waitForNoSlot() async throws {
    while try await !run("select from pg_replication_slots where temporary").isEmpty {
      await Task.yield()
    }
  }

  /// Empties every table and makes the publication what it was.
  func reset() async throws {
    try await run(
      """
      alter publication supabase_realtime set (publish_via_partition_root = false);
      alter publication supabase_realtime set table \(published);
      drop table if exists t_tmp;
      do $$ declare name text; begin
        for name in select format('%I.%I', schemaname, tablename) from pg_tables
          where schemaname in ('public', 'other')
        loop execute 'truncate ' || name || ' cascade'; end loop;
      end $$;
      """)
  }
}

/// What a poller delivered, for those who wait for it.
actor DeliveryBox<Element: Sendable> {
  private(set) var elements: [Element] = []
  private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  func add(_ new: [Element]) {
    elements += new
    let count = elements.count
    for waiter in waiting where waiter.count <= count { waiter.continuation.resume() }
    waiting.removeAll { $0.count <= count }
  }

  /// The first `count` elements, as soon as there are as many.
  func first(_ count: Int) async -> [Element] {
    if elements.count < count {
      await withCheckedContinuation { waiting.append((count, $0)) }
    }
    return Array(elements.prefix(count))
  }

  func removeFirst(_ count: Int) { elements.removeFirst(count) }
}
