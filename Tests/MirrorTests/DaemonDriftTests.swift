import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

extension DaemonWorld {
  /// Items and `beside`, copied by a daemon whose feed is proven.
  fileprivate static func drifting() async throws -> DaemonWorld {
    let world = await DaemonWorld(DriftWorld().world)
    try await world.start()
    #expect(await world.isLive())
    return world
  }

  fileprivate func putBeside(_ id: Int) async {
    let now = world.now
    await source.change { $0.put("beside", [int(id), time(now), text("v")]) }
    // The feed brings it, without a pass.
    await settle()
    #expect(await onTarget(id, "beside") != nil)
  }

  fileprivate func status(of table: String = "items") async -> TableStatus {
    await daemon.status().tables.first { $0.name.name == table }!
  }

  fileprivate func value(_ column: String, of id: Int) async -> JSONToken? {
    await target.tables[TableName(name: "items")]!.byName[RowKey([int(id)])]?[column]
  }
}

@Test(.timeLimit(.minutes(5)))
func `a new column is noticed within one interval, and so is that the target has it`()
  async throws
{
  let world = try await DaemonWorld.drifting()
  await world.source.change { $0.add("note", to: "items") { $0[2] } }
  await world.run(for: .seconds(31))
  var status = await world.daemon.status()
  #expect(status.tables[0].leftOut == ["note"] && status.tables[0].failure == nil)
  #expect(status.problems.contains { $0.contains("ADD COLUMN note text") })
  #expect(status.pass.lastExitCode == .incomplete)
  #expect(Readiness(status).reasons.contains { $0.contains("items") && $0.contains("note") })
  #expect(StatusText(status).plain.contains("ADD COLUMN note text"))
  await world.putBeside(501)
  let now = world.world.now
  await world.source.change { $0.put("items", [int(502), time(now), text("a"), text("b")]) }
  await world.settle()
  #expect(await world.value("value", of: 502) == text("a"))
  await world.target.change { $0.add("note", to: "items") }
  await world.run(for: .seconds(31))
  #expect(await world.value("note", of: 502) == text("b"))
  #expect(await world.value("note", of: 3) == text("v3"))
  status = await world.daemon.status()
  #expect(status.problems.isEmpty && Readiness(status).isReady, "\(Readiness(status).reasons)")
  #expect(world.log.contains { $0.message == "table copied whole again" })
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a column that goes between passes is found by the feed, and a pass begins at once`()
  async throws
{
  let world = try await DaemonWorld.drifting()
  for project in [world.source, world.target] {
    await project.change { $0.drop("value", of: "items") }
    let now = world.world.now
    let id = project.role == "source" ? 601 : 602
    await world.source.change { $0.put("items", [int(id), time(now)]) }
    await world.run(for: .seconds(3))
    #expect(await world.onTarget(id) != nil)
    await world.putBeside(id)
  }
  #expect(await world.status().failure == nil)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a schema cache that stays old stops one table, and asks for a pass once`() async throws {
  let world = try await DaemonWorld.drifting()
  await world.target.change { target in
    target.before = { target, request in
      guard request.isWrite, request.table?.name == "items" else { return nil }
      return target.error(400, "PGRST204", request.table, isWrite: true, subject: "value")
    }
  }
  let before = await world.passes
  for id in 701...720 {
    await world.put(id, "v")
    await world.run(for: .seconds(3))
    await world.putBeside(id)
  }
  // Two regular ones in a minute, and few that were asked for.
  #expect(await world.passes - before < 10)
  #expect(await world.status().failure?.contains("NOTIFY pgrst") == true)
  await world.target.change { $0.before = { _, _ in nil } }
  await world.run(for: .seconds(31))
  #expect(await world.status().failure == nil)
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `while a table is parked nothing of it is written, not even by the feed`() async throws {
  let world = try await DaemonWorld.drifting()
  await world.source.change { $0.retype("value", to: "uuid", of: "items") }
  await world.run(for: .seconds(31))
  #expect(await world.status().failure?.contains("uuid") == true)
  await world.put(801, "new")
  await world.run(for: .seconds(40))
  #expect(await world.onTarget(801) == nil)
  await world.putBeside(801)
  await world.target.change { $0.retype("value", to: "uuid", of: "items") }
  await world.run(for: .seconds(31))
  #expect(await world.isLive())
  await world.world.expectEqual()
  await world.put(802, "live again")
  await world.settle()
  #expect(await world.onTarget(802) != nil)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a target's table that is gone for a while comes back whole`() async throws {
  let world = try await DaemonWorld.drifting()
  let name = TableName(name: "items")
  let table = await world.target.tables[name]!
  await world.target.change { $0.tables[name] = nil }
  await world.run(for: .seconds(31))
  #expect(await world.status().failure?.contains("target has no table") == true)
  #expect(!Readiness(await world.daemon.status()).isReady)
  await world.putBeside(901)
  await world.erase([5])
  await world.target.change { target in
    target.tables[name] = table
    target.tables[name]!.rows = [:]
  }
  await world.run(for: .seconds(31))
  #expect(await world.isLive())
  await world.world.expectEqual()
  await world.stop()
}
