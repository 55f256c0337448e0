import Glibc
import JSON
import Mirror
import Testing
import Transport

extension EndToEnd {
  @Suite struct Recovering {
    private static let isLong = Environment.process["SUPAMIRROR_TEST_LONG"] == "1"

    /// Both sides with the same rows; the source's rows were copied by SQL.
    private func prepare(_ rows: Int) async throws -> (Stack, MirrorProgram) {
      let stack = try await Stack.empty()
      try await stack.both(PlantedFaults.schema)
      let mirror = try MirrorProgram(
        stack, tables: [MirrorProgram.table(PlantedFaults.table)],
        settings: ["SYNC_INITIAL_BACKFILL_MS": "0"])
      try await mirror.migrate(stack)
      for project in [stack.source, stack.target] {
        try await project.sql(PlantedFaults.rows(rows))
        try await project.sql("analyze wares")
      }
      return (stack, mirror)
    }

    private func newerRows(_ stack: Stack) async throws -> Int {
      Int(
        try await stack.target.value(
          "select count(*) from wares where updated_at > '2025-01-01'::timestamptz + id / 10 * interval '1 microsecond'"
        ) ?? "") ?? -1
    }

    @Test func `a plan is kept, carried out later, and overwrites nothing newer`() async throws {
      let (stack, mirror) = try await prepare(20_000)
      let (faults, statements) = PlantedFaults.plant(120, among: 20_000, seed: 11)
      try await stack.target.script(
        ([PlantedFaults.noFaults] + statements + [
          "delete from wares where id between 50000 and 80000"
        ])
        .joined(separator: ";\n"))
      let missing = Int(
        try await stack.source.value(
          """
          select count(*) from wares where id between 50000 and 80000
            or id in (\(faults.missing.map(String.init).joined(separator: ", ")))
          """) ?? "")
      let isHere = { (id: Int) in !(50_000...80_000).contains(id) }
      let different = faults.different.filter(isHere)
      let extra = faults.extra.filter(isHere)
      let newer = try await newerRows(stack)
      #expect(newer > 0 && different.count - newer > 2)

      let path = "\(mirror.folder)/plan.json"
      let planned = try await mirror.run([
        "recover", "--dry-run", "--plan", path, "--delete-extra", "--json",
      ])
      let plan = try #require(RecoveryJSON(planned.output), "\(planned)")
      #expect(planned.exitCode == 1 && plan.repair == nil)
      #expect(plan.planned("insert") == missing && plan.planned("delete") == extra.count)
      #expect(plan.planned("overwrite") == different.count - newer)
      #expect(plan.planned("newerOnTarget") == newer)
      #expect(plan.planned("ranges") > 0)
      #expect(DurableFile(path).isReadableByOthers == false)
      #expect(try await !stack.differences("wares").isEmpty)

      // Between the plan and the repair rows change on both sides.
      let kept = String(decoding: try mirror.readFile(path), as: UTF8.self)
      let changed = try #require(
        different.sorted().first { kept.contains("\"key\": [\"\($0)\"]") })
      try await stack.target.sql(
        "update wares set title = 'of the target', updated_at = now() where id = \(changed)")
      try await stack.target.sql(
        "insert into wares (id, owner, title, created_at) values (60000, gen_random_uuid(), 'came', now())"
      )
      try await stack.source.sql(
        "update wares set title = 'of the source', updated_at = now() where id = 61000")
      let other = mirror.environment["SYNC_SOURCE_SUPABASE_URL"]!.replacing(
        "127.0.0.1", with: "localhost")
      let elsewhere = try await mirror.run(
        ["recover", "--apply", path, "--from", "N3"],
        settings: [
          "N3_SUPABASE_URL": other, "N3_SUPABASE_SERVICE_ROLE_KEY": stack.source.key,
        ])
      #expect(
        elsewhere.exitCode == 2 && elsewhere.output.contains("another pair of projects"),
        "\(elsewhere)")
      var lock: FileLock? = try FileLock(mirror.statePath)
      #expect(try await mirror.run(["recover", "--apply", path]).exitCode == 2)
      withExtendedLifetime(lock) {}
      lock = nil

      let applied = try await mirror.run(["recover", "--apply", path, "--json"])
      let done = try #require(RecoveryJSON(applied.output), "\(applied)")
      #expect(applied.exitCode == 1, "\(applied)")
      #expect(done.repaired("inserted") == missing.map { $0 - 1 })
      #expect(done.repaired("overwritten") == different.count - newer - 1)
      #expect(done.repaired("deleted") == extra.count)
      #expect(done.repaired("newerOnTarget") == 2)
      for (id, title) in [(changed, "of the target"), (60_000, "came"), (61_000, "of the source")] {
        #expect(try await stack.target.value("select title from wares where id = \(id)") == title)
      }

      // Who says so has the source's rows everywhere; then nothing is left to be done.
      let last = try await mirror.run(["recover", "--overwrite-newer"])
      #expect(last.exitCode == 0 && last.output.contains("both sides are equal"), "\(last)")
      #expect(try await stack.differences("wares") == [])
      let again = try await mirror.run(["recover", "--delete-extra"])
      #expect(again.exitCode == 0 && again.output.contains("Equal already"), "\(again)")
      #expect(!planned.output.contains("\(changed)"))
    }

    /// How fast is it, beside a backfill of the same rows?
    @Test(.enabled(if: isLong)) func `a million rows of which 70,000 are missing`() async throws {
      let rows = 1_000_000
      let (stack, mirror) = try await prepare(rows)
      for (name, choice) in [
        ("scattered", "(id / 10) % 100 in (3, 17, 31, 45, 59, 73, 87)"),
        ("in one piece", "id between 3000001 and 3700000"),
      ] {
        try await stack.target.script("delete from wares where \(choice); analyze wares")
        let outcome = try await mirror.run(["recover", "--json"])
        let done = try #require(RecoveryJSON(outcome.output), "\(outcome)")
        #expect(outcome.exitCode == 0 && done.repaired("inserted") == 70_000, "\(outcome)")
        print("70,000 rows \(name): \(done.repaired("rowsPerSecond") ?? 0) rows/s; \(done.seconds)")
      }
      let clock = ContinuousClock()
      try await stack.target.script("truncate wares; analyze wares")
      let time = try await clock.measure {
        let backfill = try await mirror.run(["backfill", "--all"])
        #expect(backfill.exitCode == 0, "\(backfill)")
      }
      print("backfill of \(rows) rows: \(Int(Double(rows) / (time / .seconds(1)))) rows/s")
      #expect(
        try await stack.target.value("select count(*) from wares") == "\(rows)")
    }
  }
}

/// The report of `supamirror recover --json` about one table.
private struct RecoveryJSON {
  let root: JSONNode

  init?(_ text: String) {
    guard let root = try? JSONNode(parsing: Array(text.utf8)) else { return nil }
    self.root = root
  }

  private var plan: JSONNode? { root["plan"]?["tables"]?.array?.first }
  var repair: JSONNode? { root["repair"]?.array?.first }

  func planned(_ name: String) -> Int { plan?[name]?.int ?? -1 }
  func repaired(_ name: String) -> Int? { repair?[name]?.int }

  /// By phase.
  var seconds: String {
    (root["seconds"]?.members ?? []).map { member in
      if case .number(let text) = member.node.value { "\(member.name) \(text) s" } else { "" }
    }.joined(separator: ", ")
  }
}
