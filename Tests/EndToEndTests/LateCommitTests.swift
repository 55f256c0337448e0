import LocalSupabase
import Testing

extension EndToEnd {
  @Suite struct LateCommits {
    private static let events =
      "create table events (id bigint primary key, v text, updated_at timestamptz not null default now());"

    /// A transaction that began before rows which the mirror has already copied, and commits after that.
    private func run(
      _ stack: Stack, _ mirror: MirrorProgram, lookback: String
    ) async throws -> MirrorProgram.Outcome {
      try await stack.source.sql(
        "insert into events select i, 'early' from generate_series(1, 10) i")
      let writer = try PostgresConnection(stack.source.dsn)
      _ = try writer.run(script: "begin; insert into events values (100, 'late')")
      // Younger rows, committed first, pull the checkpoint past the open transaction's time.
      try await stack.source.script(
        "insert into events select i, 'young', clock_timestamp() + interval '10 seconds' from generate_series(200, 300) i"
      )
      let during = try await mirror.cron(settings: ["SYNC_RECONCILE_LOOKBACK_MS": lookback])
      #expect(during.exitCode == 0, "\(during)")
      #expect(try await stack.target.value("select count(*) from events where id = 100") == "0")
      _ = try writer.run(script: "commit")
      return try await mirror.cron(settings: ["SYNC_RECONCILE_LOOKBACK_MS": lookback])
    }

    @Test func `arrive with the horizon function, without any look-back`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(Self.events)
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("events")])
      try await mirror.migrate(stack)
      let outcome = try await run(stack, mirror, lookback: "0")
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(try await stack.differences("events") == [])
    }

    @Test func `arrive within the look-back, without the horizon function`() async throws {
      let stack = try await Stack.empty()
      try await stack.both(Self.events)
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("events")])
      try await mirror.migrate(stack)
      try await stack.source.sql("drop function sync_horizon()")
      try await stack.source.awaitSchemaCache()
      let outcome = try await run(stack, mirror, lookback: "60000")
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(try await stack.differences("events") == [])
    }
  }
}
