import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

extension DaemonWorld {
  fileprivate var rowsOnTarget: Int {
    get async { await target.tables[TableName(name: "items")]!.rows.count }
  }
  fileprivate var deletes: Int { get async { await target.requests.count { $0.kind == .delete } } }
}

@Test(.timeLimit(.minutes(5)))
func `an event of a delete is not enough: a row that exists stays`() async throws {
  let world = try await DaemonWorld.following()
  world.setFeed { $0.delay = .seconds(1) }
  await world.erase([5])
  await world.put(5, "again", age: 300 * day)
  await world.run(for: .seconds(2))
  await world.world.expectEqual()
  #expect(await world.onTarget(5)?[2] == text("again"))
  #expect(await world.deletes == 0)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a row that comes back around its delete by the feed is put back`() async throws {
  let world = try await DaemonWorld.following()
  let (source, now) = (world.source, world.world.now)
  // Its coming back is lost.
  world.setFeed { $0.loses = { $0.table != .marker && $0.kind != .delete } }
  world.targetDoor.before { kind, _ in
    guard kind == .delete else { return }
    await source.change { $0.put("items", [int(5), time(now - 300 * day), text("again")]) }
  }
  await world.erase([5])
  await world.settle()
  #expect(await world.deletes == 1)
  await world.world.expectEqual()
  #expect(await world.onTarget(5)?[2] == text("again"))
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `deletes over the limit of a pass are held, those by the feed counted`() async throws {
  let world = try await DaemonWorld.following(100) {
    $0.world.settings.deleteLimitRows = 20
    $0.world.settings.deleteLimitPercent = 100
  }
  await world.erase(1...15)
  await world.settle()
  #expect(await world.rowsOnTarget == 85)
  // A pass of rows does not begin anew to count.
  let passes = await world.passes
  await world.daemon.needsPass(.rows(TableName(name: "items")))
  #expect(await world.run(within: .seconds(5)) { await world.passes > passes })
  await world.settle()
  await world.erase(16...25)
  await world.settle()
  // Some of them may have gone before it was clear how many they are.
  let left = await world.rowsOnTarget
  #expect((80...85).contains(left))
  #expect(await world.run(within: .seconds(5)) { await world.lane().state.heldDeletes > 0 })
  #expect(await world.lane().state.heldDeletes == left - 75)
  // They wait for a person, and so do the others; nobody asks for a pass because of them.
  let held = await world.passes
  await world.erase([30])
  await world.run(for: .seconds(2))
  #expect(await world.passes == held)
  #expect(await world.rowsOnTarget == left)
  await world.put(101, "goes on")
  await world.run(for: .seconds(120))
  #expect(await world.rowsOnTarget == left + 1)
  #expect(await world.daemon.status().tables[0].held == left - 74)
  #expect(world.log.count { $0.message == "deletes held" } == 1)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `the limit counts from pass to pass`() async throws {
  let world = try await DaemonWorld.following(100) {
    $0.world.settings.deleteLimitRows = 20
    $0.world.settings.deleteLimitPercent = 100
  }
  for start in [1, 16, 31] {
    await world.erase(start..<start + 15)
    await world.settle()
    await world.run(for: .seconds(31))
  }
  await world.world.expectEqual()
  #expect(await world.rowsOnTarget == 55)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `without a ledger a mass delete is not carried out bit by bit`() async throws {
  let world = await DaemonWorld(.items(ledger: false))
  world.world.settings.deleteLimitRows = 20
  world.world.settings.deleteLimitPercent = 100
  world.world.settings.batchSize = 10
  await world.world.fill(1...100)
  try await world.start()
  #expect(await world.isLive())
  let passes = await world.passes
  for id in 1...60 {
    await world.erase([id])
    await world.run(for: .milliseconds(400))
  }
  // What the feed may delete in the time of one pass.
  #expect(await world.rowsOnTarget >= 60)
  #expect(await world.passes <= passes + 1)
  #expect(await world.daemon.status().problems.contains { $0.contains("no ledger") })
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `deletes that are left alone are left alone`() async throws {
  let world = try await DaemonWorld.following { $0.world.settings.deletes = false }
  let passes = await world.passes
  await world.erase(1...5)
  await world.run(for: .seconds(5))
  #expect(await world.passes == passes)
  await world.run(for: .seconds(120))
  #expect(await world.rowsOnTarget == 20)
  #expect(await world.deletes == 0)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)), arguments: [true, false])
func `rows that others refer to are deleted in a pass, after those`(cascades: Bool) async throws {
  let stamp = "timestamp with time zone"
  var children = MemoryTable(
    "children", ["id": "bigint", "updated_at": stamp, "parent": "bigint"],
    references: ["parent": "parents"])
  children.cascades = cascades
  let parents = MemoryTable("parents", ["id": "bigint", "updated_at": stamp])
  let world = await DaemonWorld(await World([children, parents]))
  let now = world.world.now
  await world.source.change { source in
    for id in 1...50 {
      source.put("parents", [int(id), time(now)])
      source.put("children", [int(id), time(now), int(id)])
    }
  }
  try await world.start()
  #expect(await world.isLive())
  await world.target.forgetRequests()
  let passes = await world.passes
  // What became of the child is lost: it has moved to another parent.
  world.setFeed { $0.loses = { $0.table.name == "children" } }
  let later = world.world.now
  await world.source.change { source in
    source.put("children", [int(1), time(later), int(50)])
    source.erase("children", int(2))
    source.erase("parents", int(1))
    source.erase("parents", int(2))
  }
  await world.settle()
  #expect(await world.deletes == 0)
  #expect(await world.run(within: .seconds(5)) { await world.passes > passes })
  await world.settle()
  await world.world.expectEqual()
  let deleted = await world.target.requests.filter { $0.kind == .delete }.map { $0.table!.name }
  #expect(deleted == ["children", "parents"])
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a delete that the target refuses is left to a pass`() async throws {
  let world = try await DaemonWorld.following()
  let passes = await world.passes
  await world.target.change { target in
    target.before = { target, request in
      guard request.kind == .delete, target.requests.count(where: { $0.kind == .delete }) == 1
      else { return nil }
      return target.error(409, "23503", request.table, isWrite: true)
    }
  }
  await world.erase([5])
  #expect(await world.run(within: .seconds(5)) { await world.passes > passes })
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}
