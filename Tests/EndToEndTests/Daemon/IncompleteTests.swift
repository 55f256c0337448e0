import Glibc
import Mirror
import Supabase
import Testing
import Transport

/// Set-ups in which something is missing: what can be mirrored is, and the rest is said.
@Suite(.serialized, .ofPair(.service)) struct Incomplete {
  private static let schema = """
    create table \(DaemonWorld.items);
    create table more (id bigint primary key, updated_at timestamptz default now());
    """
  private static let tables = [MirrorProgram.table("items"), MirrorProgram.table("more")]

  /// Both projects with the migration, and a daemon that is just started.
  private func begin(
    _ script: String, isMigrated: Bool = true, settings: [String: String] = [:],
    _ body: (DaemonWorld) async throws -> Void
  ) async throws {
    let stack = try await Stack.empty(.service)
    try await stack.both(Self.schema)
    let mirror = try MirrorProgram(stack, tables: Self.tables, settings: settings)
    if isMigrated { try await mirror.migrate(stack) }
    try await stack.source.script(script)
    try await DaemonWorld.run(stack, mirror, body)
  }

  @Test func `a table that is not published is polled, and the others are not disturbed`()
    async throws
  {
    try await begin(
      "alter publication supabase_realtime drop table items",
      settings: ["SYNC_RECONCILE_INTERVAL_MS": "2000"]
    ) { world in
      let status = try await world.daemon.wait("one table is refused, one is live") {
        $0.table("items").feed == .refused && $0.table("more").feed == .live
      }
      #expect(status.table("items").feedProblem.contains("supabase_realtime"))
      _ = try await world.change(
        "insert into items values (1, 'a'); insert into more values (1)", ["items", "more"])
      _ = try await world.change("delete from items; delete from more", ["items", "more"])
      // It is taken up when a person says that something has changed.
      try await world.stack.source.sql("alter publication supabase_realtime add table items")
      world.daemon.process.signal(SIGHUP)
      try await world.daemon.wait("both are live") { $0.tables.allSatisfy { $0.feed == .live } }
    }
  }

  @Test func `without the marker table in the publication it goes on, and is not called live`()
    async throws
  {
    try await begin("alter publication supabase_realtime drop table sync_heartbeat") { world in
      try await world.daemon.wait("it goes on unproven") {
        $0.feed.state == .unproven && $0.tables.allSatisfy { $0.feed == .unproven }
          && $0.pass.count > 2 && !$0.pass.isRunning && $0.feed.gapSince == nil
      }
      #expect(try await world.daemon.answer("/readyz")?.status == 503)
      #expect(world.daemon.log.contains("sync_heartbeat"), "\(world.daemon.log)")
      _ = try await world.change("insert into items values (1, 'a')")
      _ = try await world.change("delete from items")
      world.daemon.process.signal(SIGUSR1)
      try await world.daemon.waitForLog("Unproven")
    }
  }

  @Test func `without the migration it goes on, and says what to do`() async throws {
    try await begin("alter publication supabase_realtime add table items, more", isMigrated: false)
    {
      world in
      let status = try await world.daemon.wait("it goes on unproven") {
        $0.feed.state == .unproven && $0.pass.count > 0
      }
      #expect(status.problems.contains { $0.contains("supamirror migration") })
      #expect(try await world.daemon.answer("/readyz")?.text.contains("sync_heartbeat") == true)
      _ = try await world.change("insert into items values (1, 'a')")
      _ = try await world.change("update items set v = 'b'")
      // And then a person does so.
      try await world.mirror.migrate(world.stack)
      world.daemon.process.signal(SIGHUP)
      try await world.daemon.waitUntilLive()
      _ = try await world.change(
        "insert into items values (2, 'b'); delete from items where id = 1")
    }
  }
}

extension MirrorStatus {
  fileprivate func table(_ name: String) -> TableStatus {
    tables.first { $0.name.name == name }
      ?? TableStatus(name: TableName(name: name), feed: .off)
  }
}
