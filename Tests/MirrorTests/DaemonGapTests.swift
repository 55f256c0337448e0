import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

enum Gap: CaseIterable {
  case disconnected, unreachable, ended, subscribedAgain, silent, deaf, skippedBeats
}

extension DaemonWorld {
  /// Changes are lost in it, and `act` runs meanwhile.
  fileprivate func makeGap(_ gap: Gap, _ act: () async -> Void) async {
    let channel = feed.channel(of: "items")!
    switch gap {
    case .disconnected:
      feed.disconnect()
      await act()
    case .unreachable:
      setFeed { $0.isReachable = false }
      await act()
      await run(for: .seconds(60))
      setFeed { $0.isReachable = true }
    case .ended:
      feed.end(channel)
      await act()
    case .subscribedAgain:
      setFeed { $0.loses = { _ in true } }
      await act()
      setFeed { $0.loses = { _ in false } }
      feed.subscribeAgain(channel)
    case .silent:
      setFeed { $0.isSilent = true }
      await act()
      await run(for: .seconds(60))
      setFeed { $0.isSilent = false }
    case .deaf:
      setFeed { $0.deafTime = .seconds(3) }
      feed.disconnect()
      // Subscribed, as it says.
      await run(for: .seconds(2))
      await act()
    case .skippedBeats:
      setFeed { $0.loses = { _ in true } }
      await act()
      await run(for: .seconds(11))
      setFeed { $0.loses = { _ in false } }
    }
  }
}

/// Passes are an hour apart, so it is the gap that leads to one.
@Test(.timeLimit(.minutes(5)), arguments: Gap.allCases)
func `a gap of the feed is healed by a pass after the proof`(gap: Gap) async throws {
  let world = try await DaemonWorld.following(20) {
    $0.world.settings.reconcileInterval = .seconds(3600)
  }
  let (passes, healed) = (await world.passes, await world.daemon.health.counts.gapsHealed)
  await world.makeGap(gap) {
    await world.put(101, "in the gap")
    await world.put(1, "changed in the gap")
    await world.erase([2])
  }
  #expect(await world.onTarget(101) == nil)
  await world.run(within: .seconds(120)) {
    await world.daemon.health.counts.gapsHealed > healed
  }
  #expect(await world.isLive(within: .seconds(20)))
  await world.world.expectEqual()
  #expect(await world.passes > passes)
  // What healed it began after the proof, and one is enough.
  #expect(await world.passes <= passes + 2)
  let calm = await world.passes
  await world.put(102, "afterwards", age: 300 * day)
  await world.run(for: .seconds(600))
  #expect(await world.passes == calm)
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a feed that loses changes is found out by a pass, and joined anew`() async throws {
  let world = try await DaemonWorld.following()
  let channel = try #require(world.feed.channel(of: "items"))
  await world.run(for: .seconds(65))
  world.setFeed { $0.loses = { $0.table != .marker } }
  await world.put(101, "lost")
  #expect(
    await world.run(within: .seconds(60)) { world.feed.asked.contains("rejoin \(channel)") })
  #expect(await world.daemon.status().feed.missedRows == 1)
  await world.put(102, "lost while it is joined anew")
  await world.run(for: .milliseconds(100))
  world.setFeed { $0.loses = { _ in false } }
  #expect(await world.isLive(within: .seconds(60)))
  await world.world.expectEqual()
  #expect(world.log.contains { $0.message.contains("lost changes") })
  await world.stop()
}

/// One row that is changed now and then: no row of its table is old enough to be read again.
@Test(.timeLimit(.minutes(5)), arguments: [3, 7, 29, 31, 59])
func `a feed that loses nothing is not blamed`(pause: Int) async throws {
  let world = try await DaemonWorld.following(1) { $0.world.settings.lookback = .seconds(1) }
  let joins = world.feed.asked
  for change in 0..<20 {
    await world.put(1, "change \(change)")
    await world.run(for: .seconds(pause))
  }
  #expect(await world.daemon.status().feed.missedRows == 0)
  #expect(world.feed.asked == joins)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `the marker row arrives on the target, and its way is measured`() async throws {
  let world = try await DaemonWorld.following()
  world.setFeed { $0.delay = .seconds(2) }
  await world.run(for: .seconds(60))
  let key = RowKey([text("test")])
  let beats = await (
    world.source.tables[.marker]!.rows[key]?[1], world.target.tables[.marker]!.rows[key]?[1]
  )
  #expect(beats.0 != nil)
  let status = await world.daemon.status()
  #expect(status.lags.count > 3)
  #expect(status.lags.last?.lag == .seconds(2))
  #expect(status.lag == .seconds(2))
  #expect(status.feed.state == .live && status.tables[0].feed == .live)
  world.setFeed { $0.delay = .zero }
  await world.run(for: .seconds(30))
  let copied = await world.target.tables[.marker]!.rows[key]?[1]
  #expect(await world.source.tables[.marker]!.rows[key]?[1] == copied)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `without the marker table passes follow every subscription`() async throws {
  let world = await DaemonWorld(.items(), marker: false)
  world.world.settings.reconcileInterval = .seconds(3600)
  await world.world.fill(1...20)
  try await world.start()
  await world.run(for: .seconds(30))
  #expect(await world.daemon.status().feed.state == .unproven)
  #expect(world.log.contains { $0.message == "the feed cannot be proven" })
  await world.put(101, "by the feed", age: 300 * day)
  await world.settle()
  await world.world.expectEqual()
  let passes = await world.passes
  world.setFeed { $0.deafTime = .seconds(3) }
  world.feed.disconnect()
  await world.put(102, "in the gap")
  await world.run(for: .seconds(3))
  await world.put(103, "while it is deaf")
  await world.run(for: .seconds(10))
  await world.world.expectEqual()
  #expect(await world.passes == passes + 2)
  #expect(await world.source.tables[.marker] == nil)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `without the marker in the publication the feed goes on unproven`() async throws {
  let world = await DaemonWorld(.items())
  world.setFeed { $0.refused = [.marker] }
  await world.world.fill(1...20)
  try await world.start()
  await world.run(for: .seconds(30))
  let status = await world.daemon.status()
  #expect(status.feed.state == .unproven && status.tables[0].feed == .unproven)
  await world.put(101, "by the feed", age: 300 * day)
  await world.settle()
  await world.world.expectEqual()
  #expect(world.log.count { $0.message == "the feed leaves a table out" } == 1)
  // Until it is told that something has changed.
  world.setFeed { $0.refused = [] }
  await world.daemon.reload(world.world.tables)
  #expect(await world.isLive())
  await world.stop()
}

/// So many tables of one row each.
private func many(_ count: Int) async throws -> DaemonWorld {
  let tables = (1...count).map {
    MemoryTable("t\($0)", ["id": "bigint", "updated_at": "timestamp with time zone"])
  }
  return await DaemonWorld(await World(tables))
}

extension DaemonWorld {
  fileprivate func touch(_ tables: ClosedRange<Int>, _ id: Int, age: Int64 = 0) async {
    let now = world.now
    await source.change { source in
      for table in tables { source.put("t\(table)", [int(id), time(now - age)]) }
    }
  }
}

@Test(.timeLimit(.minutes(5)), arguments: [(3, true), (3, false), (90, true)])
func `a table that cannot be subscribed silences no other`(count: Int, isNaming: Bool) async throws
{
  let world = try await many(count)
  // The last one shares its channel where there are many.
  let refused = TableName(name: "t\(count)")
  world.setFeed {
    $0.refused = [refused]
    $0.isNaming = isNaming
  }
  try await world.start()
  await world.run(for: .seconds(60))
  let status = await world.daemon.status()
  #expect(status.tables.filter { $0.feed == .live }.count == count - 1)
  #expect(status.tables.last?.feed == .refused)
  let passes = await world.passes
  await world.touch(1...count, 1, age: 300 * day)
  await world.touch(count...count, 2)
  await world.settle()
  #expect(await world.passes == passes)
  #expect(await world.target.row("t\(count - 1)", int(1)) != nil)
  #expect(await world.target.row("t1", int(1)) != nil)
  await world.run(for: .seconds(31))
  // It is polled.
  #expect(await world.target.row("t\(count)", int(2)) != nil)
  #expect(world.log.count { $0.level >= .warning } <= 3)
  await world.stop()
}
