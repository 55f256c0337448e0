import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

@Test(.timeLimit(.minutes(5)))
func `inserts, updates, deletes and changed keys arrive by the feed, without a pass`() async throws
{
  let world = try await DaemonWorld.following()
  let passes = await world.passes
  // Dated long ago: no look-back reaches it.
  await world.put(101, "new", age: 300 * day)
  await world.put(1, "changed", age: 300 * day)
  await world.erase([2])
  let old = world.world.now - 300 * day
  await world.source.change {
    $0.rekey("items", RowKey([int(3)]), to: [int(300), time(old), text("moved")])
  }
  await world.settle()
  await world.world.expectEqual()
  #expect(await world.passes == passes)
  let status = await world.daemon.status()
  #expect(status.tables[0].deleted == 2 && status.tables[0].waiting == 0)
  #expect(status.tables[0].lag! < .milliseconds(1))
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a pass does not write again what the feed has brought`() async throws {
  let world = try await DaemonWorld.following(1) { $0.world.settings.lookback = .seconds(1) }
  // No row is left that an earlier pass has read.
  await world.put(1, "changed")
  await world.settle()
  await world.target.forgetRequests()
  let whole = await world.wholePasses
  await world.run(for: .seconds(61))
  #expect(await world.wholePasses == whole + 2)
  #expect(await !world.target.requests.contains { $0.isWrite && $0.table?.name == "items" })
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `what an event says of a row does not matter, only that it does`() async throws {
  let world = try await DaemonWorld.following()
  let joined = try #require(world.feed.channel(of: "items"))
  func change(_ kind: FeedChange.Kind, _ key: Int?, old: Int? = nil) -> FeedEvent {
    .change(
      FeedChange(
        table: TableName(name: "items"), kind: kind, key: key.map { [int($0)] },
        oldKey: old.map { [int($0)] }, commitTime: nil, hasErrors: false), channel: joined, join: 1)
  }
  world.setFeed { $0.loses = { $0.table != .marker } }
  await world.put(1, "second", age: 300 * day)
  await world.put(101, "third", age: 300 * day)
  await world.erase([2])
  // Late, doubled, in the wrong order, and of rows that never were.
  let events = [
    change(.delete, nil, old: 1), change(.insert, 1), change(.insert, 2),
    change(.delete, nil, old: 2),
    change(.delete, nil, old: 2), change(.update, 101, old: 102), change(.insert, 999),
    change(.delete, nil, old: 3),
  ]
  for event in events { world.feed.post(event) }
  await world.settle()
  await world.world.expectEqual()
  #expect(await world.onTarget(3) != nil)
  await world.stop()
}

/// Parents and children, the children first in the configuration; the feed brings both.
private func family(_ configure: (DaemonWorld) -> Void = { _ in }) async throws -> DaemonWorld {
  let children = MemoryTable(
    "children", ["id": "bigint", "updated_at": "timestamp with time zone", "parent": "bigint"],
    references: ["parent": "parents"])
  let parents = MemoryTable(
    "parents", ["id": "bigint", "updated_at": "timestamp with time zone"])
  let world = await DaemonWorld(await World([children, parents]))
  configure(world)
  try await world.start()
  #expect(await world.isLive())
  return world
}

extension DaemonWorld {
  fileprivate func putFamily(_ id: Int) async {
    let now = world.now
    await source.change { source in
      source.put("parents", [int(id), time(now)])
      source.put("children", [int(id), time(now), int(id)])
    }
  }
}

@Test(.timeLimit(.minutes(5)))
func `a child that comes before its parent waits for it, and is not refused`() async throws {
  let world = try await family()
  let passes = await world.passes
  world.setFeed { $0.loses = { $0.table.name == "parents" } }
  await world.putFamily(1)
  await world.run(for: .milliseconds(100))
  #expect(await world.lane("children").feed.afterParents.count == 1)
  #expect(await world.daemon.status().tables[0].waiting == 1)
  world.setFeed { $0.loses = { _ in false } }
  let now = world.world.now
  await world.source.change { $0.put("parents", [int(1), time(now)]) }
  #expect(await world.run(within: .seconds(2)) { await world.onTarget(1, "children") != nil })
  await world.world.expectEqual()
  #expect(await world.passes == passes)
  #expect(await world.lane("children").state.quarantine.isEmpty)
  #expect(await world.lane("children").feed.afterParents.isEmpty)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `rows that wait for their parents do not push others out`() async throws {
  let world = try await family { $0.world.settings.batchSize = 10 }
  world.setFeed { $0.loses = { $0.table.name == "parents" } }
  for id in 1...8 { await world.putFamily(id) }
  await world.settle()
  #expect(await world.lane("children").feed.afterParents.count == 8)
  // As many again: more than a page together, and those must not wait for anybody.
  let now = world.world.now
  await world.source.change { source in
    for id in 101...108 { source.put("children", [int(id), time(now - 300 * day), .null]) }
  }
  await world.settle()
  #expect(await world.onTarget(108, "children") != nil)
  #expect(await world.lane("children").feed.afterParents.count == 8)
  world.setFeed { $0.loses = { _ in false } }
  #expect(
    await world.run(within: .seconds(60)) { await world.onTarget(8, "children") != nil })
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a row that stays refused is set aside, and healed by a pass`() async throws {
  let world = try await DaemonWorld.following()
  await world.target.change { target in
    target.rule = { _, row in row["id"] == int(101) ? .refuse("23503") : .accept }
  }
  await world.put(101, "orphan")
  await world.put(102, "fine")
  await world.settle()
  #expect(await world.onTarget(102) != nil)
  #expect(await world.run(within: .seconds(5)) { await !world.lane().state.quarantine.isEmpty })
  #expect(await world.daemon.status().tables[0].quarantined == 1)
  // One line, whatever the number of tries.
  await world.run(for: .seconds(300))
  #expect(world.log.count { $0.message == "rows quarantined" } == 1)
  #expect(await world.daemon.status().problems.count == 1)
  await world.target.change { $0.rule = { _, _ in .accept } }
  await world.run(for: .seconds(35))
  await world.world.expectEqual()
  #expect(await world.lane().state.quarantine.isEmpty)
  #expect(world.log.last?.message == "everything is mirrored again")
  await world.stop()
}

extension DaemonWorld {
  /// Whole passes so far: only they register the mirror.
  var wholePasses: Int {
    get async { await source.requests.count { $0.function == "sync_register_mirror" } }
  }

  /// From now on, writes to the target wait until the feed has nothing more under way.
  func holdWritesForFeed() {
    let clock = clock
    targetDoor.before { kind, table in
      guard kind == .upsert, table?.name == "items" else { return }
      await clock.wait { clock.deliveries == 0 }
    }
  }
}

@Test(.timeLimit(.minutes(5)))
func `more keys than a page carries become a pass of that table`() async throws {
  let world = try await DaemonWorld.following { $0.world.settings.batchSize = 10 }
  world.holdWritesForFeed()
  let (passes, whole) = (await world.passes, await world.wholePasses)
  let now = world.world.now
  await world.source.change { source in
    for id in 101...150 { source.put("items", [int(id), time(now), text("burst")]) }
  }
  await world.settle()
  #expect(await world.lane().feed.gap == .rows(TableName(name: "items")))
  #expect(await world.run(within: .seconds(5)) { await world.passes > passes })
  await world.world.expectEqual()
  #expect(await world.passes == passes + 1)
  #expect(await world.wholePasses == whole)
  #expect(await world.lane().feed.gap == nil)
  await world.put(200, "later", age: 300 * day)
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)), arguments: [0, 15, 45])
func `lost evidence of a delete becomes a whole pass, whenever it was lost`(at: Int) async throws {
  let world = try await DaemonWorld.following { $0.world.settings.batchSize = 10 }
  world.holdWritesForFeed()
  let whole = await world.wholePasses
  let now = world.world.now
  await world.source.change { source in
    for id in 101...150 {
      if id == 101 + at { source.erase("items", int(7)) }
      source.put("items", [int(id), time(now), text("burst")])
    }
  }
  #expect(await world.run(within: .seconds(5)) { await world.wholePasses > whole })
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)), arguments: [FeedChange.Kind.insert, .update, .delete])
func `an event that does not name its row becomes a pass`(kind: FeedChange.Kind) async throws {
  let world = try await DaemonWorld.following()
  let (passes, whole) = (await world.passes, await world.wholePasses)
  world.setFeed { faults in
    faults.changes = { change in
      change.table == .marker
        ? change
        : FeedChange(
          table: change.table, kind: change.kind, key: nil, oldKey: nil, commitTime: nil,
          hasErrors: false)
    }
  }
  switch kind {
  case .insert: await world.put(101, "new")
  case .update: await world.put(1, "changed")
  case .delete: await world.erase([2])
  }
  #expect(await world.run(within: .seconds(5)) { await world.passes > passes })
  await world.settle()
  await world.world.expectEqual()
  // Only a whole one looks at deletes.
  #expect(await world.wholePasses == (kind == .delete ? whole + 1 : whole))
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `an event with errors becomes a whole pass, and a stream of them no storm`() async throws {
  let world = try await DaemonWorld.following()
  let passes = await world.passes
  world.setFeed { faults in
    faults.changes = { change in
      FeedChange(
        table: change.table, kind: change.kind, key: change.table == .marker ? change.key : nil,
        oldKey: nil, commitTime: nil, hasErrors: change.table != .marker)
    }
  }
  for id in 101...120 {
    await world.put(id, "new")
    await world.run(for: .milliseconds(500))
  }
  await world.run(for: .seconds(2))
  await world.world.expectEqual()
  // One of the table for each, and one of all every five seconds.
  #expect(await world.passes <= passes + 23)
  await world.stop()
}

extension Lane {
  /// The next pass compares whole rows, as after a change of the table.
  fileprivate func forgetColumns() { state.columns = nil }
}

/// A row changes while the page that holds it is under way.
@Test(.timeLimit(.minutes(5)), arguments: [true, false], [1, 2, 3, 4, -1, -2, -3, -4])
func `a page that was read before does not undo what the feed brought`(
  isDelete: Bool, number: Int
) async throws {
  let world = try await DaemonWorld.following { world in
    await world.source.change { source in
      source.cap = 5
      source.functions.remove("sync_horizon")
    }
  }
  // Pages of whole rows, or else of keys and versions.
  let (isWhole, page) = (number > 0, abs(number))
  if isWhole { await world.lane().forgetColumns() }
  let (clock, source, now) = (world.clock, world.source, world.world.now)
  let pages = Locked(0)
  let whole = await world.wholePasses
  // The second row of that page; the first page of keys is read twice, as the first time it was not all.
  let id = (isWhole ? page - 1 : max(page - 2, 0)) * 5 + 2
  world.sourceDoor.after { kind, table in
    guard kind == .read, table?.name == "items", await source.requests.last!.count > 1 else {
      return
    }
    let isThis = pages.withLock { pages in
      pages += 1
      return pages == page
    }
    guard isThis else { return }
    await source.change { source in
      if isDelete {
        source.erase("items", int(id))
      } else {
        // No later page has it.
        source.put("items", [int(id), time(now - 300 * day), text("newer")])
      }
    }
    await clock.wait { clock.deliveries == 0 }
  }
  await world.daemon.needsPass(.all)
  #expect(await world.run(within: .seconds(5)) { await world.wholePasses > whole })
  await world.settle()
  #expect(pages.withLock { $0 } >= page)
  #expect(await world.wholePasses == whole + 1)
  await world.world.expectEqual()
  await world.stop()
}
