import Glibc
import Testing
import Transport

/// How keys may stand.
enum KeyShape: String, CaseIterable {
  case uuid, skewed, composite

  var columns: String {
    switch self {
    case .uuid: "id uuid primary key"
    case .skewed: "id bigint primary key"
    case .composite: "tenant text, line bigint, primary key (tenant, line)"
    }
  }

  var keys: [String] { self == .composite ? ["tenant", "line"] : ["id"] }

  /// Of the rows `i`.
  var values: String {
    switch self {
    case .uuid: "gen_random_uuid()"
    // Ids in two heaps with a gap of nearly all numbers between them, and some anywhere.
    case .skewed:
      "case when i % 1000 = 0 then -4000000000000000000 + i::bigint * 70000000000000 "
        + "when i % 10 < 7 then i else 9000000000000000000 + i end"
    case .composite: "case when i % 20 = 0 then 'tenant ' || i else 'most' end, i"
    }
  }
}

extension Stack {
  /// A table with so many rows, changed at different times of the last hour.
  fileprivate func fill(_ name: String, _ shape: KeyShape, rows: Int) async throws {
    try await both(
      """
      create table \(name) (
        \(shape.columns), v text, n bigint, updated_at timestamptz not null default clock_timestamp()
      );
      create index on \(name) (updated_at);
      create index on \(name) (n);
      """)
    try await source.sql(
      """
      insert into \(name) (\(shape.keys.joined(separator: ", ")), v, n, updated_at)
      select \(shape.values), repeat('v', 100) || i, i, now() - interval '2 hours' + i * interval '50 us'
      from generate_series(1, \(rows)) i
      """)
    try await source.sql("analyze \(name)")
  }
}

extension Copies {
  @Suite struct Backfills {
    /// Half of five hundred changes a second are of rows that are copied at the same time.
    private func write(to stack: Stack, rows: Int) async throws {
      var round = 0
      while !Task.isCancelled {
        round += 1
        try await stack.source.script(
          """
          insert into rows select gen_random_uuid(), 'new', \(rows) + \(round) * 25 + i, clock_timestamp()
          from generate_series(1, 25) i;
          update rows set v = 'changed \(round)', updated_at = clock_timestamp()
          where n in (select (random() * \(rows))::bigint from generate_series(1, 20));
          delete from rows where n in (select (random() * \(rows))::bigint from generate_series(1, 5));
          """)
        try await stack.source.sql("select pg_sleep(0.08)")
      }
    }

    @Test func `kills in the midst of a copy lose nothing, while rows are changed`() async throws {
      let stack = try await Stack.empty(.copies)
      let (rows, kills) = Environment.isLong ? (1_000_000, 50) : (60_000, 5)
      try await stack.fill("rows", .uuid, rows: rows)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("rows")],
        settings: [
          "SYNC_RECONCILE_LOOKBACK_MS": "1000", "SYNC_RECONCILE_BATCH_SIZE": "200",
          "SYNC_DELETE_LIMIT_ROWS": "1000000", "SYNC_DELETE_LIMIT_PERCENT": "100",
        ])
      try await mirror.migrate(stack)
      let writer = Task { try await write(to: stack, rows: rows) }
      var (killed, inCopy) = (0, 0)
      while killed < kills {
        let process = try mirror.start(["--cron"])
        var changes = Int.random(in: 1...12)
        var last = try mirror.readFile(mirror.statePath)
        while changes > 0, process.status == nil {
          let now = try mirror.readFile(mirror.statePath)
          if now != last { changes -= 1 }
          last = now
          try await Task.sleep(for: .milliseconds(1))
        }
        process.signal(SIGKILL)
        let isKilled = await process.wait() == .signalled(SIGKILL)
        let state = String(decoding: try mirror.readFile(mirror.statePath), as: UTF8.self)
        #expect(state.hasSuffix("}"))
        killed += 1
        if isKilled, state.contains("\"backfill\"") { inCopy += 1 }
        // The copy is done: what is killed from here on is an ordinary pass.
        if state.contains("\"copiedWhole\""), !isKilled { break }
      }
      // Nothing is changed from here on.
      writer.cancel()
      _ = try? await writer.value
      let final = try await mirror.cron()
      #expect(final.exitCode == 0, "\(final)")
      #expect(inCopy > 0)
      #expect(try await stack.differences("rows") == [])
      print("\(killed) passes killed, \(inCopy) of them in the midst of the copy")
    }

    @Test(arguments: KeyShape.allCases)
    func `lanes share a table evenly, however its keys stand`(shape: KeyShape) async throws {
      let stack = try await Stack.empty(.copies)
      try await stack.fill("rows", shape, rows: 60_000)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("rows", keys: shape.keys)],
        settings: ["SYNC_DELETES": "false", "SYNC_RECONCILE_BATCH_SIZE": "200"])
      let pass = try await mirror.cron("--log-level", "debug")
      #expect(pass.exitCode == 0, "\(pass)")
      #expect(try await stack.differences("rows") == [])
      let line = try #require(pass.log.split(separator: "\n").first { $0.contains("lanes.rows=") })
      let numbers = line.split(separator: "lanes.rows=")[1].prefix { $0.isNumber || $0 == "," }
      let lanes = numbers.split(separator: ",").compactMap { Int($0) }
      #expect(lanes.count == 4, "\(line)")
      let mean = Double(lanes.reduce(0, +)) / 4
      #expect(Double(lanes.max() ?? 0) <= 1.5 * mean, "\(line)")
    }

    @Test func `rows of eight kilobytes are copied in little memory`() async throws {
      let stack = try await Stack.empty(.copies)
      try await stack.both(
        """
        create table large (id uuid primary key, v text not null, updated_at timestamptz not null);
        create index on large (updated_at);
        """)
      try await stack.source.sql(
        """
        insert into large
        select gen_random_uuid(), repeat(md5(i::text), 250), now() - i * interval '10 minutes'
        from generate_series(1, 12000) i
        """)
      try await stack.source.sql("analyze large")
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table("large")],
        settings: ["SYNC_DELETES": "false", "SYNC_RECONCILE_BATCH_SIZE": "200"])
      let pass = try await mirror.cron()
      #expect(pass.exitCode == 0, "\(pass)")
      print("\(pass.peakMemory >> 20) MiB at most")
      #expect(pass.peakMemory <= 64 << 20)
      #expect(try await stack.differences("large") == [])
    }
  }
}
