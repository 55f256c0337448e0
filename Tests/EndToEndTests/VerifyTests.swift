import Glibc
import JSON
import Mirror
import Testing
import Transport

extension Commands {
  @Suite struct Verifying {
    private static let rows = 20_000

    /// Both sides with the same rows and then the faults; the source's rows were copied by SQL.
    private func prepare(migrated: Bool) async throws -> (Stack, MirrorProgram, PlantedFaults) {
      let stack = try await Stack.empty(.commands)
      try await stack.both(PlantedFaults.schema)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table(PlantedFaults.table)],
        settings: ["SYNC_INITIAL_BACKFILL_MS": "0"])
      if migrated { try await mirror.migrate(stack) }
      for project in [stack.source, stack.target] {
        try await project.sql(PlantedFaults.rows(Self.rows))
        try await project.sql("analyze wares")
      }
      let (faults, statements) = PlantedFaults.plant(100, among: Self.rows, seed: 7)
      try await stack.target.script(
        ([PlantedFaults.noFaults] + statements).joined(separator: ";\n"))
      return (stack, mirror, faults)
    }

    @Test(arguments: [true, false])
    func `every planted fault is found, by digests and by rows`(migrated: Bool) async throws {
      let (_, mirror, faults) = try await prepare(migrated: migrated)
      let outcome = try await mirror.run(["verify", "--json", "--show-keys"])
      let found = try #require(VerificationJSON(outcome.output), "\(outcome)")
      #expect(outcome.exitCode == 1)
      #expect(faults.differences(found) == [])
      #expect(found.root["drift"]?.int == faults.count && found.root["known"]?.int == 0)
      #expect(found.table["way"]?.string == (migrated ? "digests" : "rows"))
      #expect(found.count("sourceRows") == Self.rows)
      #expect(found.count("equal") == Self.rows - faults.missing.count - faults.different.count)
    }

    @Test func `the report names no key unless it is asked to`() async throws {
      let (stack, mirror, faults) = try await prepare(migrated: true)
      let path = "\(mirror.folder)/report.md"
      let outcome = try await mirror.run(["verify", "--table", "wares", "--markdown", path])
      let markdown = String(decoding: try mirror.readFile(path), as: UTF8.self)
      #expect(outcome.exitCode == 1, "\(outcome)")
      for text in [outcome.output, outcome.log, markdown] {
        for id in faults.missing where id > 99_999 { #expect(!text.contains("\(id)")) }
      }
      #expect(outcome.output.contains("Different: 1"))
      #expect(markdown.contains("| public.wares |"))
      // What was found can be mended; then both are equal.
      try await stack.target.script("delete from wares; \(PlantedFaults.rows(Self.rows))")
      let mended = try await mirror.run(["verify"])
      #expect(mended.exitCode == 0 && mended.output.contains("Equal: 20,000 rows"), "\(mended)")
    }

    @Test func `what the mirror knows of is told apart`() async throws {
      let stack = try await Stack.empty(.commands)
      try await stack.both(
        "create table items (id bigint primary key, v text, data jsonb, updated_at timestamptz default now())"
      )
      let mirror = try MirrorProgram(stack, tables: [MirrorProgram.table("items")])
      try await mirror.migrate(stack)
      try await stack.target.sql("alter table items add check (v <> 'refused')")
      try await stack.source.sql(
        """
        insert into items select i, case when i = 5 then 'refused' else 'v' end,
          case when i = 6 then 'null'::jsonb end, now() - interval '1 hour' from generate_series(1, 200) i
        """)
      #expect(try await mirror.cron().exitCode == 1)
      try await stack.source.script(
        """
        delete from items where id > 100;
        insert into items values (1000, 'new');
        """)
      let before = try await mirror.cron()
      #expect(before.output.contains("100 deletes are held"), "\(before)")
      try await stack.source.sql(
        "insert into items values (1001, 'newer', null, now() + interval '1 minute')")
      let outcome = try await mirror.run(["verify", "--json", "--show-keys"])
      let found = try #require(VerificationJSON(outcome.output), "\(outcome)")
      #expect(outcome.exitCode == 1 && found.root["drift"]?.int == 0, "\(outcome)")
      #expect(found.keys("quarantined") == [5])
      #expect(found.keys("uncarried") == [6])
      #expect(found.keys("pending").contains(1_001))
      #expect(found.keys("held") == Set(101...200))
    }

    @Test func `it goes on where it was killed`() async throws {
      let (_, mirror, faults) = try await prepare(migrated: true)
      let path = VerifyStore.path(statePath: mirror.statePath)
      for _ in 0..<3 {
        let process = try mirror.start(["verify"])
        let before = try mirror.readFile(path)
        while process.status == nil, try mirror.readFile(path) == before {
          try await Task.sleep(for: .milliseconds(1))
        }
        process.signal(SIGKILL)
        _ = await process.wait()
      }
      let kept = String(decoding: try mirror.readFile(path), as: UTF8.self)
      #expect(kept.contains("\"running\":{"), "\(kept.prefix(400))")
      let outcome = try await mirror.run(["verify", "--json", "--show-keys"])
      let found = try #require(VerificationJSON(outcome.output), "\(outcome)")
      #expect(faults.differences(found) == [])
      #expect(found.count("sourceRows") == Self.rows)
    }

    @Test func `each reason not to compare has its exit code`() async throws {
      let (stack, mirror, _) = try await prepare(migrated: true)
      let port = findFreePort()
      let unreachable = try await mirror.run(
        ["verify"],
        settings: ["SYNC_TARGET_SUPABASE_URL": "http://127.0.0.1:\(port)", "SYNC_RETRY_MS": "100"])
      #expect(unreachable.exitCode == 3, "\(unreachable)")
      #expect(try await mirror.run(["verify", "--table", "wears"]).exitCode == 2)
      // A running mirror's lock is not in the way, a second comparison is.
      let path = VerifyStore.path(statePath: mirror.statePath)
      var locks = [try FileLock(mirror.statePath), try FileLock(path)]
      #expect(try await mirror.run(["verify"]).exitCode == 2)
      locks.removeAll()
      try await stack.target.sql("drop table wares")
      try await stack.target.awaitSchemaCache()
      let gone = try await mirror.run(["verify"])
      #expect(gone.exitCode == 1 && gone.output.contains("the target has no table"), "\(gone)")
    }
  }
}
