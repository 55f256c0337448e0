import Mirror
import Supabase
import Testing

/// Tables whose columns change on either side while the daemon runs, each in its own way, beside one that goes on.
@Suite(.serialized, .ofPair(.service)) struct Drift {
  private static let tables = [
    "added", "dropped", "narrowed", "renamed", "renamed_late", "widened", "retyped", "recreated",
    "replaced", "live",
  ]

  private static func create(_ table: String) -> String {
    "create table \(table) (id bigint primary key, v text, n integer, "
      + "updated_at timestamptz not null default now());"
  }

  private static func statements(_ template: String, _ tables: [String] = tables) -> String {
    tables.map { template.replacing("TABLE", with: $0) }.joined(separator: ";\n")
  }

  @Test func `each table meets its documented end, and the others go on`() async throws {
    let entries = Self.tables.map { MirrorProgram.table($0) }
    try await DaemonWorld.run(
      .service, Self.tables.map(Self.create).joined(separator: "\n"), entries,
      settings: ["SYNC_RECONCILE_INTERVAL_MS": "1000"]
    ) { world in
      let (source, target) = (world.stack.source, world.stack.target)
      // Older than any pass looks back.
      try await source.script(
        Self.statements(
          "insert into TABLE select g, 'v' || g, g, now() - interval '1 day' from generate_series(1, 300) g"
        ))
      // They are older than the checkpoint, so only the feed brings them.
      try await world.daemon.waitUntilEqual(world.stack, Self.tables)
      try await source.script(
        """
        alter table added add column note text default 'noted';
        alter table dropped drop column v;
        alter table renamed rename column v to title;
        alter table widened alter column n type bigint;
        alter table retyped alter column v type integer using -id;
        """)
      try await target.script(
        """
        alter table narrowed drop column v;
        alter table renamed_late rename column v to title;
        drop table recreated;
        """)
      for project in [source, target] { try await project.awaitSchemaCache() }
      try await source.script(
        Self.statements(
          "insert into TABLE (id, n) values (1000, 1); "
            + "update TABLE set n = -1, updated_at = now() where id = 7"))
      let status = try await world.daemon.wait("each drift is seen") { status in
        let leftOut = ["added": "note", "narrowed": "v", "renamed": "title", "renamed_late": "v"]
        let stopped = ["widened", "retyped", "recreated"]
        return status.tables.allSatisfy { table in
          table.leftOut == [leftOut[table.name.name]].compactMap(\.self)
            && (table.failure != nil) == stopped.contains(table.name.name)
        }
      }
      #expect(status.tables.first { $0.name.name == "live" }?.feed == .live)
      #expect(try await world.daemon.answer("/readyz")?.status == 503)
      // The file that the command reads is written every few seconds.
      let start = ContinuousClock.now
      var shown = try await world.mirror.run(["status"])
      while !shown.output.contains("ADD COLUMN note text") {
        try #require(ContinuousClock.now - start < DaemonProgram.patience, "\(shown)")
        shown = try await world.mirror.run(["status"])
      }
      #expect(shown.exitCode == 1, "\(shown)")
      #expect(
        try await world.daemon.answer("/metrics")?.text.contains(
          "supamirror_table_columns_left_out{table=\"public.added\"} 1") == true)
      try await world.daemon.waitUntilEqual(world.stack, ["live"])
      // What goes on has all it can have, and nothing was set to null.
      for (table, column) in [
        ("added", "v"), ("dropped", "v"), ("renamed", "v"), ("renamed_late", "title"),
      ] {
        while try await target.value("select count(*) from \(table) where id = 1000 or n = -1")
          != "2"
        {
          try #require(ContinuousClock.now - start < DaemonProgram.patience, "\(table)")
        }
        #expect(
          try await target.value("select count(*) from \(table) where \(column) = 'v' || id")
            == "300")
      }
      // What has stopped stays as it is.
      let other = ["retyped", "live"]
      try await source.script(Self.statements("insert into TABLE (id) values (2000)", other))
      try await world.daemon.waitUntilEqual(world.stack, ["live"])
      #expect(try await target.value("select count(*) from retyped where id = 2000") == "0")
      try await target.script(
        """
        alter table added add column note text;
        alter table dropped drop column v;
        alter table narrowed drop column n, drop column updated_at;
        alter table narrowed add column v text, add column n integer, add column updated_at timestamptz not null default now();
        alter table renamed rename column v to title;
        alter table widened alter column n type bigint;
        alter table retyped alter column v type integer using 0;
        \(Self.create("recreated"))
        drop table replaced;
        \(Self.create("replaced"))
        """)
      try await source.script("alter table renamed_late rename column v to title")
      for project in [source, target] { try await project.awaitSchemaCache() }
      try await world.daemon.waitUntilEqual(world.stack, Self.tables.filter { $0 != "narrowed" })
      // Its columns stand in another order now.
      let narrowed =
        "select md5(string_agg(t::text, ',' order by id)) "
        + "from (select id, v, n, updated_at from narrowed) t"
      #expect(try await target.value(narrowed) == source.value(narrowed))
      try await world.daemon.wait("everything is mirrored again") {
        $0.problems.isEmpty && $0.isLive && $0.pass.lastExitCode == .clean
      }
      #expect(try await world.daemon.answer("/readyz")?.status == 200)
      // All of them follow the feed again.
      try await source.script(
        Self.statements("update TABLE set n = 5, updated_at = now() where id = 8"))
      try await world.daemon.waitUntilEqual(world.stack, Self.tables.filter { $0 != "narrowed" })
    }
  }
}
