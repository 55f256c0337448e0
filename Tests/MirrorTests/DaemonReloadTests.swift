import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

private let stamp = "timestamp with time zone"

private func three() async throws -> DaemonWorld {
  let world = await DaemonWorld(
    await World(
      ["a", "b", "c"].map { MemoryTable($0, ["id": "bigint", "updated_at": stamp]) }))
  world.world.settings.reconcileInterval = .seconds(3600)
  return world
}

extension DaemonWorld {
  fileprivate func touch(_ table: String, _ id: Int, age: Int64 = 300 * day) async {
    let now = world.now
    await source.change { $0.put(table, [int(id), time(now - age)]) }
  }
}

@Test(.timeLimit(.minutes(5)))
func `a table that comes or goes while the daemon runs disturbs no other`() async throws {
  let world = try await three()
  let all = world.world.tables
  world.world.tables = Array(all[0...1])
  try await world.start()
  #expect(await world.isLive())
  let a = try #require(world.feed.channel(of: "a"))
  let b = try #require(world.feed.channel(of: "b"))
  await world.touch("c", 1, age: 0)
  // Come.
  await world.daemon.reload(all)
  await world.touch("a", 1)
  #expect(await world.run(within: .seconds(5)) { await world.onTarget(1, "c") != nil })
  world.world.tables = all
  #expect(await world.isLive())
  await world.touch("c", 2)
  await world.settle()
  await world.world.expectEqual()
  #expect(await world.daemon.status().tables.map(\.feed) == [.live, .live, .live])
  // Go: the first, so that the others are others in the list.
  let c = try #require(world.feed.channel(of: "c"))
  await world.touch("b", 1)
  world.world.tables = Array(all[1...])
  await world.daemon.reload(world.world.tables)
  await world.run(for: .seconds(30))
  #expect(world.feed.channel(of: "a") == nil)
  await world.touch("a", 2)
  await world.touch("b", 2)
  await world.touch("c", 3)
  await world.settle()
  await world.world.expectEqual()
  #expect(await world.onTarget(2, "a") == nil)
  #expect(await world.daemon.lanes.all.count == 2)
  #expect([a, b, c].map(world.feed.joins) == [1, 1, 1])
  #expect(!world.feed.asked.contains { $0.hasPrefix("rejoin") || $0 == "reconnect" })
  // And comes back: what changed meanwhile arrives.
  await world.touch("a", 3, age: 0)
  world.world.tables = all
  await world.daemon.reload(all)
  #expect(await world.isLive())
  await world.run(for: .seconds(5))
  #expect(await world.onTarget(3, "a") != nil)
  #expect([b, c].map(world.feed.joins) == [1, 1])
  #expect(await world.daemon.status().feed.missedRows == 0)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a table that changes its columns while keys wait loses none of them`() async throws {
  let world = try await DaemonWorld.following()
  let name = TableName(name: "items")
  for project in [world.source, world.target] {
    await project.change { project in
      let old = project.tables[name]!
      var new = MemoryTable(
        name: name,
        columns: old.columns + [
          Column(
            name: "more", format: "text", isNotNull: false, isPrimaryKey: false, references: nil)
        ], key: old.key)
      for row in old.rows.values { new.put([row[0], row[1], row[2], .null]) }
      project.tables[name] = new
    }
  }
  let lane = await world.lane()
  let now = world.world.now
  await world.source.change { source in
    source.put("items", [int(101), time(now), text("wide"), text("more")])
    source.erase("items", int(3))
  }
  await world.daemon.needsPass(.rows(name))
  await world.run(for: .seconds(31))
  await world.world.expectEqual()
  #expect(await world.lane() !== lane)
  #expect(await lane.isRetired)
  await world.source.change { source in
    source.put("items", [int(102), time(now - 300 * day), text("wide"), text("by the feed")])
    source.erase("items", int(4))
  }
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)), arguments: [1, 2, 5, 20])
func `a daemon that is stopped in a pass leaves what another goes on with`(page: Int) async throws {
  let world = await DaemonWorld(.items())
  await world.source.change { $0.cap = 5 }
  await world.world.fill(1...200)
  let (pages, stopping) = (Locked(0), Locked<Task<Void, Never>?>(nil))
  let door = world.targetDoor
  let clock = world.clock
  let running = Locked<Daemon?>(nil)
  door.before { kind, table in
    guard kind == .upsert, table?.name == "items" else { return }
    let isThis = pages.withLock { pages in
      pages += 1
      return pages == page
    }
    guard isThis else { return }
    await clock.wait { running.withLock { $0 != nil } }
    let daemon = running.withLock { $0! }
    stopping.withLock { $0 = Task { await daemon.stop() } }
    // It asks everything to end, and the request feels it.
    try await clock.sleep(for: .seconds(1_000))
  }
  try world.begin()
  running.withLock { $0 = world.daemon }
  clock.beginDelivery()
  clock.endDelivery()
  await world.ended()
  await stopping.withLock { $0 }?.value
  let rows = await world.target.tables[TableName(name: "items")]!.rows.count
  #expect(rows == (page - 1) * 5)
  // What was acknowledged is known, so nothing of it is read again.
  let cursor = try world.world.state()?.backfill?.ranges.first?.after
  #expect((cursor == nil) == (page == 1))
  door.open()
  await world.source.forgetRequests()
  try await world.start()
  #expect(await world.isLive())
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `keys that wait are looked at before the daemon ends`() async throws {
  let world = try await DaemonWorld.following()
  // At a time that nobody else counts from.
  await world.run(for: .milliseconds(1_234))
  let clock = world.clock
  let (isOpen, isAsked) = (Locked(false), Locked(false))
  world.targetDoor.before { kind, table in
    guard kind == .upsert, table?.name == "items" else { return }
    isAsked.withLock { $0 = true }
    clock.beginDelivery()
    clock.endDelivery()
    await clock.wait { isOpen.withLock { $0 } }
  }
  await world.put(100, "under way", age: 300 * day)
  await clock.wait { isAsked.withLock { $0 } }
  for id in 101...110 { await world.put(id, "waits", age: 300 * day) }
  await world.erase([3])
  await clock.wait { clock.deliveries == 0 }
  let deadline = clock.now.offset + .seconds(10)
  let stopping = Task { [daemon = world.daemon!] in await daemon.stop() }
  await clock.wait { clock.sleeps(until: deadline) }
  isOpen.withLock { $0 = true }
  clock.beginDelivery()
  clock.endDelivery()
  await stopping.value
  await world.ended()
  await world.world.expectEqual()
}

@Test(.timeLimit(.minutes(5)))
func `a target that does not answer does not keep the daemon from ending`() async throws {
  let world = try await DaemonWorld.following()
  // At a time that nobody else counts from.
  await world.run(for: .milliseconds(1_234))
  let clock = world.clock
  let asked = Locked(0)
  world.targetDoor.before { kind, table in
    guard table?.name == "items" else { return }
    asked.withLock { $0 += 1 }
    clock.beginDelivery()
    clock.endDelivery()
    try await clock.sleep(for: .seconds(1_000_000))
  }
  await world.put(101, "waits", age: 300 * day)
  await clock.wait { asked.withLock { $0 } == 1 && clock.deliveries == 0 }
  let deadline = clock.now.offset + .seconds(10)
  let stopping = Task { [daemon = world.daemon!] in await daemon.stop() }
  await clock.wait { clock.sleeps(until: deadline) }
  while clock.now.offset < deadline { _ = clock.step(upTo: deadline) }
  await stopping.value
  await world.ended()
  world.targetDoor.open()
  let now = world.world.now
  await world.source.change { $0.put("items", [int(102), time(now), text("after")]) }
  try await world.start()
  #expect(await world.isLive())
  #expect(await world.onTarget(102) != nil)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a daemon that is stopped before it runs does not run`() async throws {
  let world = await DaemonWorld(.items())
  await world.world.fill(1...5)
  try world.begin(stopped: true)
  await world.ended()
  #expect(await world.source.requests.isEmpty)
}

@Test(.timeLimit(.minutes(1)))
func `frames that are of no use are counted in the status`() async throws {
  let world = try await three()
  try await world.start()
  #expect(await world.isLive())
  for _ in 0..<3 { world.feed.receiveOddFrame() }
  #expect(await world.daemon.status().feed.oddFrames == 3)
  await world.stop()
}
