import JSON
import Mirror
import Supabase
import Testing
import Transport

@Suite struct RecoverTests {
  /// Faults of every kind among 3,000 items: a run of missing rows, single ones, different and extra ones.
  private func damaged(isMigrated: Bool = true) async -> RecoverWorld {
    let world = await RecoverWorld.items(3_000, isMigrated: isMigrated)
    await world.lose((1_000..<2_000).map { $0 * 10 })
    await world.lose(stride(from: 70, to: 9_000, by: 70))
    let old = world.world.now - 2 * day
    for id in [100, 200, 30_000] { await world.put(world.world.target, id, "spoilt", at: old) }
    await world.put(world.world.target, 300, "spoilt", at: world.world.now - day)
    for id in [5, 15, 30_001] { await world.put(world.world.target, id, "extra", at: old) }
    await world.world.target.forgetRequests()
    return world
  }

  private static let singles = (70..<9_000).count { $0 % 70 == 0 }

  @Test(arguments: [true, false])
  func `what differs is repaired, and a second run does nothing`(isMigrated: Bool) async throws {
    var world = await damaged(isMigrated: isMigrated)
    world.options.deletesExtra = true
    let report = try await world.run()
    #expect(report.exitCode == .clean, "\(RecoverText.verdict(report))")
    #expect(report.inserted == 1_000 + Self.singles)
    #expect(report.overwritten == 4 && report.deleted == 3)
    await world.world.expectEqual()
    await world.world.target.forgetRequests()
    let again = try await world.run()
    #expect(again.exitCode == .clean && again.repairs.isEmpty && again.plan?.rows == 0)
    #expect(await world.writes() == 0)
  }

  @Test func `rows that are missing everywhere are found and copied`() async throws {
    let world = await RecoverWorld.items(9_000)
    let lost = (1...9_000).filter { $0 % 14 == 3 }.map { $0 * 10 }
    await world.lose(lost)
    await world.put(world.world.target, 50, "spoilt", at: world.world.now - 2 * day)
    let report = try await world.run()
    #expect(report.exitCode == .clean)
    #expect(report.inserted == lost.count && report.overwritten == 1)
    await world.world.expectEqual()
  }

  @Test func `a dry run writes nothing and its plan is what is then done`() async throws {
    var world = await damaged()
    world.options.deletesExtra = true
    let plan = try await world.plan()
    #expect(await world.writes() == 0)
    let table = try #require(plan.tables.first)
    // Most of the run is a range.
    #expect(table.runs.reduce(0) { $0 + $1.rows } > 700)
    #expect(table.missingRows == 1_000 + Self.singles)
    let report = try await world.run(plan)
    #expect(report.exitCode == .clean)
    #expect(
      [report.inserted, report.overwritten, report.deleted] == [
        table.missingRows, table.different.count, table.extra.count,
      ])
    await world.world.expectEqual()
  }

  @Test func `only what is missing is copied where only that is asked for`() async throws {
    var world = await damaged()
    world.options.mode = .missingOnly
    let report = try await world.run()
    #expect(report.inserted == 1_000 + Self.singles && report.overwritten + report.deleted == 0)
    #expect(report.exitCode == .incomplete)
    #expect(report.verification?.items[.missing] == 0)
    #expect(report.verification?.items[.different] == 4)
    #expect(await world.value(100) == "spoilt")
  }

  @Test func `rows that only the target has stay unless they are to be deleted`() async throws {
    let world = await damaged()
    let report = try await world.run()
    #expect(report.deleted == 0 && report.exitCode == .incomplete)
    #expect(report.verification?.items[.extra] == 3)
    #expect(RecoverText.verdict(report).contains("--delete-extra"))
  }

  @Test func `an analysis alone makes no plan`() async throws {
    var world = await damaged()
    world.options.extent = .analysis
    let report = try await world.run()
    #expect(report.plan == nil && report.exitCode == .incomplete)
    #expect(report.analysis?.items.drift == 1_000 + Self.singles + 7)
    #expect(await world.writes() == 0)
  }

  // What has changed since the plan

  @Test func `a row that is newer on the target is left`() async throws {
    var world = await RecoverWorld.items(100)
    await world.put(world.world.target, 50, "newer", at: world.world.now)
    await world.put(world.world.target, 60, "older", at: world.world.now - 2 * day)
    let plan = try await world.plan()
    #expect(plan.newer == 1 && plan.rows == 1)
    // Another one becomes newer after the plan was made.
    await world.put(world.world.target, 60, "newer too", at: world.world.now)
    let report = try await world.run(plan)
    #expect(report.items.newer == 1 && report.overwritten == 0)
    #expect(report.exitCode == .incomplete)
    #expect(await world.value(50) == "newer")
    #expect(await world.value(60) == "newer too")
    // Who says so has the source's, but only over what was seen.
    world.options.overwritesNewer = true
    let second = try await world.plan()
    #expect(second.tables.first?.different.count == 2)
    await world.put(world.world.target, 50, "newest", at: world.world.now + minute)
    let last = try await world.run(second)
    #expect(last.items.newer == 1 && last.overwritten == 1)
    #expect(await world.value(50) == "newest")
    #expect(await world.value(60) == "v6")
  }

  @Test(arguments: [RecoveryPlan.Mode.comprehensive, .missingOnly])
  func `a missing row that has come meanwhile is never written over by an older one`(
    mode: RecoveryPlan.Mode
  ) async throws {
    var world = await RecoverWorld.items(1_000)
    world.options.mode = mode
    await world.lose((200...600).map { $0 * 10 })
    await world.lose([9_000, 9_010, 9_020])
    let plan = try await world.plan()
    for id in [4_000, 9_000] {
      await world.put(world.world.target, id, "newer", at: world.world.now)
    }
    for id in [4_010, 9_010] {
      await world.put(world.world.target, id, "older", at: world.world.now - 2 * day)
    }
    let report = try await world.run(plan)
    #expect(report.inserted == 401 + 3 - 4)
    #expect(report.items.newer == 2)
    let isWhole = mode == .comprehensive
    #expect(report.overwritten == (isWhole ? 2 : 0) && report.items.present == (isWhole ? 0 : 2))
    for id in [4_000, 9_000] { #expect(await world.value(id) == "newer") }
    for id in [4_010, 9_010] {
      #expect(await world.value(id) == (isWhole ? "v\(id / 10)" : "older"))
    }
  }

  @Test func `a row goes to the target as it is at the source when it is repaired`() async throws {
    let world = await RecoverWorld.items(1_000)
    await world.lose((200...600).map { $0 * 10 })
    await world.put(world.world.target, 9_000, "spoilt", at: world.world.now - 2 * day)
    await world.put(world.world.target, 9_010, "spoilt", at: world.world.now - 2 * day)
    let plan = try await world.plan()
    for id in [4_000, 9_000] { await world.put(world.world.source, id, "new", at: world.world.now) }
    await world.world.source.change { source in
      for id in [4_010, 2_000, 9_010] {
        source.tables[RecoverWorld.items]!.rows[RowKey([int(id)])] = nil
      }
    }
    let report = try await world.run(plan)
    #expect(await world.value(4_000) == "new")
    #expect(await world.value(9_000) == "new")
    for id in [4_010, 2_000] { #expect(await world.value(id) == nil) }
    // It is no longer a matter of a different row, and was not planned to be deleted.
    #expect(await world.value(9_010) == "spoilt")
    #expect(report.exitCode == .incomplete && report.verification?.items[.extra] == 1)
  }

  @Test func `a row is deleted only where it is the one that was seen and the source has none`()
    async throws
  {
    var world = await RecoverWorld.items(100)
    world.options.deletesExtra = true
    for id in [5, 15, 25, 35] {
      await world.put(world.world.target, id, "extra", at: world.world.now - day)
    }
    let plan = try await world.plan()
    #expect(plan.extra == 4)
    await world.put(world.world.source, 5, "again", at: world.world.now)
    await world.put(world.world.target, 15, "changed", at: world.world.now)
    await world.world.target.change {
      $0.tables[RecoverWorld.items]!.rows[RowKey([int(25)])] = nil
    }
    let report = try await world.run(plan)
    #expect(report.deleted == 1 && report.items.kept == 2 && report.items.gone == 1)
    #expect(await world.value(15) == "changed")
    #expect(await world.value(5) == "extra")
    #expect(await world.value(35) == nil)
  }

  // Limits and failures

  @Test(arguments: [(false, false), (true, false), (false, true)])
  func `more deletes than the limit need a yes`(saysYes: Bool, approves: Bool) async throws {
    var world = await RecoverWorld.items(100)
    world.options.deletesExtra = true
    world.options.approvesDeletes = approves
    world.saysYes = saysYes
    for id in 1...60 where id % 10 != 0 {
      await world.put(world.world.target, id, "extra", at: world.world.now - day)
    }
    await world.lose([500])
    let report = try await world.run()
    let isApproved = saysYes || approves
    #expect(report.deleted == (isApproved ? 54 : 0) && report.items.held == (isApproved ? 0 : 54))
    #expect(report.inserted == 1)
    #expect(report.exitCode == (isApproved ? .clean : .incomplete))
  }

  @Test func `rows that the target refuses are counted, and the others arrive`() async throws {
    let world = await damaged()
    await world.world.target.change { target in
      target.rule = { _, row in
        if row["id"] == int(12_340) { return .refuse("23514") }
        return row["id"] == int(70) ? .skip : .accept
      }
    }
    let report = try await world.run()
    #expect(report.items.refused == 2 && report.inserted == 1_000 + Self.singles - 2)
    #expect(report.exitCode == .incomplete)
    #expect(report.verification?.items[.missing] == 2)
  }

  @Test func `a table whose rows the target refuses is given up, not tried row by row`()
    async throws
  {
    let world = await damaged()
    await world.world.target.change { $0.rule = { _, _ in .refuse("23514") } }
    var strict = world.world
    strict.settings.quarantineLimit = 20
    strict.settings.maxRequests = 1
    strict.settings.batchSize = 100
    let report = try await RecoverWorld(strict).run()
    #expect(report.items.failure?.contains("refuses more than 20 rows") == true)
    #expect(report.exitCode == .incomplete && report.inserted == 0)
    #expect(await world.writes() < 400)
  }

  @Test func `parents come before children, and go after them`() async throws {
    let stamp = ("updated_at", "timestamp with time zone")
    let base = await World([
      MemoryTable(
        "children", pairs: [("id", "bigint"), stamp, ("parent", "bigint")],
        references: ["parent": "parents"]),
      MemoryTable("parents", pairs: [("id", "bigint"), stamp]),
      MemoryTable("broken", pairs: [("id", "bigint"), stamp]),
    ])
    var world = await RecoverWorld(base)
    world.options.deletesExtra = true
    let time = time(base.now - day)
    await base.source.change { source in
      source.put("parents", [int(1), time])
      source.put("children", [int(1), time, int(1)])
      source.put("broken", [int(1), time])
    }
    await base.target.change { target in
      target.put("parents", [int(2), time])
      target.put("children", [int(2), time, int(2)])
      target.rule = { table, _ in table.name == "broken" ? .refuse("42501") : .accept }
    }
    let report = try await world.run()
    #expect(report.repairs.first { $0.table.name == "broken" }?.failure != nil)
    #expect(report.inserted == 2 && report.deleted == 2, "\(RecoverText.verdict(report))")
    #expect(report.exitCode == .incomplete)
    #expect(
      report.verification?.tables.filter(\.isEqual).map(\.table.name) == ["children", "parents"])
  }

  @Test func `a delete that could take along rows that stay is not made`() async throws {
    let stamp = ("updated_at", "timestamp with time zone")
    var parents = MemoryTable("parents", pairs: [("id", "bigint"), stamp])
    parents.cascades = true
    var children = MemoryTable(
      "children", pairs: [("id", "bigint"), stamp, ("parent", "bigint")],
      references: ["parent": "parents"])
    children.cascades = true
    let base = await World([parents, children])
    var world = await RecoverWorld(base)
    world.options.deletesExtra = true
    let now = base.now
    await base.source.change { source in
      source.put("parents", [int(1), time(now - day)])
      source.put("children", [int(1), time(now - day), int(1)])
    }
    await base.target.change { target in
      for id in 1...2 { target.put("parents", [int(id), time(now - day)]) }
      // Newer than the source's, so it stays.
      target.put("children", [int(1), time(now), int(2)])
    }
    let report = try await world.run()
    #expect(report.deleted == 0 && report.sum(\.held) == 1)
    #expect(await base.target.row("children", int(1)) != nil)
    // Nor where nothing is known of the children.
    let alone = try await world.run(tables: [base.tables[0]])
    #expect(alone.deleted == 0 && alone.sum(\.held) == 1)
  }

  @Test func `a project that does not answer ends it`() async throws {
    let world = await damaged()
    await world.world.source.change {
      $0.before = { project, _ in project.failure(.cannotConnect) }
    }
    let report = try await world.run()
    #expect(report.exitCode == .project && report.stopped != nil)
  }

  @Test func `a plan for others is refused`() async throws {
    var world = await damaged()
    let plan = try await world.plan()
    world.pair = "another"
    let other = try await world.run(plan)
    #expect(other.exitCode == .configuration && other.stopped?.contains("another pair") == true)
    world.pair = "pair"
    var changed = plan
    let table = plan.tables[0]
    var wider = RecoveryPlan.Table(
      table.name, keyColumns: table.keyColumns, columns: table.columns + ["more"],
      field: table.field)
    wider.missing = table.missing
    changed.tables = [wider]
    let report = try await world.run(changed)
    #expect(report.exitCode == .configuration && report.stopped?.contains("columns") == true)
    #expect(await world.writes() == 0)
  }
}
