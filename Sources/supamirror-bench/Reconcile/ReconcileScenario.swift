import LocalSupabase
import Transport

/// What a pass costs where nothing, or little, has changed.
struct ReconcileScenario {
  private let settings: BenchSettings
  private static let tables = 200
  /// Requests of a pass that do not depend on the number of tables, to both projects.
  private static let constantRequests = 32.0

  init(_ settings: BenchSettings) { self.settings = settings }

  func run(_ report: inout BenchReport) async throws {
    let pair = try await BenchPair.start(maxRows: settings.maxRows)
    do {
      let folder = try await ClusterFolder()
      try await measureNothingNew(pair, folder.path, &report)
      try await measureFewChanged(pair, folder.path, &report)
      await folder.remove()
    } catch {
      await pair.stop()
      throw error
    }
    await pair.stop()
  }

  /// A pass over many tables in which nothing has happened since the last one.
  private func measureNothingNew(
    _ pair: BenchPair, _ folder: String, _ report: inout BenchReport
  ) async throws {
    let latency = Route.isPossible(pair) ? 20 : 0
    Bench.say("\nreconcile: \(Self.tables) tables, nothing new, round trips of \(latency) ms")
    let names = (0..<Self.tables).map { "bench_still_\($0)" }
    try await pair.schema(
      names.map {
        """
        drop table if exists \($0);
        create table \($0) (id bigint primary key, text text not null, updated_at timestamptz not null);
        create index on \($0) (updated_at, id);
        """
      }.joined(separator: "\n"))
    let route = try await Route(pair, milliseconds: latency)
    let setup = MirrorSetup(
      folder: folder, source: route.source, target: route.target,
      tables: names.map { MirrorSetup.Table(name: $0) })
    try await pair.schema(setup.migration())
    for name in names {
      try await pair.source.sql(
        """
        insert into \(name) select n, 'row ' || n, now() - interval '1 day' + n * interval '1 second'
        from generate_series(1, 100) as n
        """)
    }
    _ = try await BackfillRun.first(setup)
    // The first pass after the copy still looks back.
    _ = try await BackfillRun(setup, ["--cron"])
    await pair.settle()
    let before = pair.requests
    let alone = try await BackfillRun(setup, ["--cron"])
    report.add("reconcile.nothing_new.process_of_its_own.seconds", alone.time.inSeconds, unit: "s")
    if let before, let after = pair.requests {
      report.add(
        "reconcile.nothing_new.process_of_its_own.requests", Double(after - before),
        unit: "requests")
    }
    try await measureDaemon(setup, pair, &report)
    await route.stop()
    try await pair.schema(names.map { "drop table \($0);" }.joined())
  }

  /// What the daemon's regular passes take, which know what the last one saw.
  private func measureDaemon(
    _ setup: MirrorSetup, _ pair: BenchPair, _ report: inout BenchReport
  ) async throws {
    var setup = setup
    let port = findFreePort()
    setup.settings = [
      "SYNC_REALTIME": "false", "SYNC_RECONCILE_INTERVAL_MS": "1000",
      "SYNC_STATUS_LISTEN": "\(port)",
    ]
    let process = try setup.start(["run"], output: .null)
    let passes = RegularPasses(port: port, pair: pair)
    do {
      // The first one finds out what the target has.
      _ = try await passes.next()
      var seen: [RegularPasses.Pass] = []
      for _ in 0..<(settings.repeats ?? 3) { seen.append(try await passes.next()) }
      report.add(
        "reconcile.nothing_new.seconds", seen.map(\.seconds).median, unit: "s", .atMost(2))
      let requests = seen.compactMap { $0.requests.map(Double.init) }
      if !requests.isEmpty {
        report.add(
          "reconcile.nothing_new.requests", requests.median, unit: "requests",
          .atMost(Double(Self.tables) + Self.constantRequests))
      }
      await process.end()
    } catch {
      await process.end()
      throw BenchStopped(description: "\(error)\n\(setup.log)")
    }
  }

  /// A pass over one table of which one row in a hundred has changed since the last one.
  private func measureFewChanged(
    _ pair: BenchPair, _ folder: String, _ report: inout BenchReport
  ) async throws {
    let rows = settings.isFull ? 1_000_000 : 100_000
    let changed = rows / 100
    Bench.say(
      "\nreconcile: \(BenchReport.grouped(changed)) of \(BenchReport.grouped(rows)) rows have changed"
    )
    let shape = RowShape.usual
    let setup = MirrorSetup(
      folder: folder, source: pair.source.endpoint, target: pair.target.endpoint,
      tables: [MirrorSetup.Table(name: shape.table)])
    try await pair.schema(shape.definition)
    try await pair.schema(setup.migration())
    for start in stride(from: 1, through: rows, by: 100_000) {
      try await pair.source.sql(shape.rows(start...start + 99_999))
    }
    _ = try await BackfillRun.first(setup)
    _ = try await BackfillRun(setup, ["--cron"])
    try await pair.source.sql(
      "update \(shape.table) set note = 'changed', updated_at = now() where id % 100 = 0")
    let before = pair.requests
    let run = try await BackfillRun(setup, ["--cron"])
    try await pair.expectEqual(shape.table, after: "a pass over what has changed")
    report.add(
      "reconcile.few_changed.read_to_changed", Double(run.report.read) / Double(changed), unit: "x",
      .atMost(1.05))
    report.add(
      "reconcile.few_changed.written_to_changed", Double(run.report.written) / Double(changed),
      unit: "x", .atMost(1.05))
    report.add("reconcile.few_changed.seconds", run.time.inSeconds, unit: "s")
    if let before, let after = pair.requests {
      report.add("reconcile.few_changed.requests", Double(after - before), unit: "requests")
    }
    try await pair.schema("drop table \(shape.table)")
  }
}
