import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

private enum Side: CaseIterable { case source, target, both }

extension DaemonWorld {
  fileprivate func setDown(_ side: Side, _ isDown: Bool) async {
    for (project, isMeant) in [(source, side != .target), (target, side != .source)] where isMeant {
      await project.change { project in
        project.before = { project, request in
          isDown ? project.failure(.cannotConnect, isWrite: request.isWrite) : nil
        }
      }
    }
    if side != .target { setFeed { $0.isReachable = !isDown } }
  }

  /// Everything that could grow.
  fileprivate func expectBounded(sourceLocation: SourceLocation = #_sourceLocation) async {
    let limit = world.settings.batchSize
    for lane in await daemon.lanes.all {
      #expect(await lane.feed.signals.count <= limit, sourceLocation: sourceLocation)
      #expect(await lane.feed.afterParents.count <= limit, sourceLocation: sourceLocation)
    }
    let counts = await [
      daemon.beats.count, daemon.lags.samples.count / 4, daemon.passes.tables.count,
      daemon.passes.reconciledAt.count, daemon.reconciledFrom.count,
      daemon.health.beats.written.count, daemon.health.channels.count,
    ]
    #expect(counts.allSatisfy { $0 <= 101 }, "\(counts)", sourceLocation: sourceLocation)
    for witness in await daemon.witnesses.values {
      #expect(
        witness.suspectCount <= FeedWitness.suspectLimit, sourceLocation: sourceLocation)
    }
  }
}

@Test(.timeLimit(.minutes(5)))
func `a target that is down is not stormed, and what it missed arrives by itself`() async throws {
  let world = try await DaemonWorld.following { $0.world.settings.batchSize = 10 }
  await world.setDown(.target, true)
  await world.target.forgetRequests()
  await world.source.forgetRequests()
  for id in 101...300 {
    await world.put(id, "missed")
    if id % 10 == 0 { await world.erase([id - 200 + 100 - 95].filter { $0 > 0 }) }
    await world.run(for: .seconds(1))
  }
  await world.expectBounded()
  // A few for each pass, and passes are further and further apart.
  #expect(await world.target.requests.count < 120)
  #expect(await world.source.requests.count < 200)
  await world.setDown(.target, false)
  #expect(await world.run(within: .seconds(31)) { await world.onTarget(300) != nil })
  #expect(await world.isLive(within: .seconds(60)))
  await world.world.expectEqual()
  let passes = await world.passes
  await world.put(400, "by the feed again", age: 300 * day)
  await world.settle()
  #expect(await world.passes == passes)
  await world.world.expectEqual()
  await world.stop()
}

/// Five minutes and one between passes and beats: the day is long enough for a test.
@Test(.timeLimit(.minutes(5)), arguments: Side.allCases)
private func `a day's outage is a page of log, and heals by itself`(side: Side) async throws {
  let world = try await DaemonWorld.following {
    $0.world.settings.reconcileInterval = .seconds(300)
    $0.world.settings.heartbeatInterval = .seconds(60)
  }
  let (lines, passes) = (world.log.count, await world.passes)
  await world.setDown(side, true)
  for hour in 0..<24 {
    await world.put(100 + hour, "missed")
    if hour < 5 { await world.erase([hour + 1]) }
    await world.run(for: .seconds(3600))
    if hour % 6 == 5 { await world.expectBounded() }
  }
  let said = world.log.count - lines
  #expect(said > 0 && said < 60, "\(world.log.suffix(5))")
  let tried = await world.passes - passes
  #expect(tried >= 24 * 12 && tried <= 24 * 12 * 3, "\(tried)")
  #expect(await world.daemon.status().pass.failedCount == tried)
  #expect(await world.daemon.status().problems.first?.contains("did not answer") == true)
  await world.setDown(side, false)
  #expect(await world.isLive(within: .seconds(600)))
  await world.run(for: .seconds(301))
  await world.world.expectEqual()
  #expect(await world.source.unprocessed() == 0)
  #expect(await world.daemon.status().problems.isEmpty)
  #expect(world.log.contains { $0.message == "everything is mirrored again" })
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `an outage that comes and goes is told now and then, and at the end as it stands`()
  async throws
{
  let world = try await DaemonWorld.following()
  let lines = world.log.count
  for _ in 0..<40 {
    await world.setDown(.target, true)
    await world.run(for: .seconds(35))
    await world.setDown(.target, false)
    await world.run(for: .seconds(35))
  }
  #expect(world.log.count - lines < 20)
  await world.setDown(.target, true)
  await world.run(for: .seconds(3700))
  #expect(world.log.last { !$0.message.contains("feed") }?.message == "needs attention")
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `a table that stops while keys of it wait is taken up by the next pass`() async throws {
  let stamp = "timestamp with time zone"
  let world = await DaemonWorld(
    await World([
      MemoryTable("items", ["id": "bigint", "updated_at": stamp, "value": "text"]),
      MemoryTable("others", ["id": "bigint", "updated_at": stamp]),
    ]))
  await world.world.fill(1...20)
  try await world.start()
  #expect(await world.isLive())
  // The pass cannot read the table; meanwhile the feed names a key of it.
  let (clock, source, now) = (world.clock, world.source, world.world.now)
  let isBroken = Locked(true)
  await source.change { source in
    source.before = { source, request in
      guard isBroken.withLock({ $0 }), request.table?.name == "items", request.kind == .read,
        request.query?.isCounted == true
      else { return nil }
      source.put("items", [int(101), time(now), text("meanwhile")])
      return source.error(403, "42501", request.table)
    }
  }
  world.sourceDoor.after { _, _ in await clock.wait { clock.deliveries == 0 } }
  await world.daemon.needsPass(.all)
  await world.run(for: .seconds(5))
  #expect(await world.daemon.status().tables[0].failure != nil)
  #expect(await world.onTarget(101) == nil)
  // The others go on, also by the feed.
  await source.change { $0.put("others", [int(1), time(now - 300 * day)]) }
  await world.settle()
  #expect(await world.onTarget(1, "others") != nil)
  #expect(world.log.count { $0.message == "table stopped" } == 1)
  await world.run(for: .seconds(300))
  #expect(world.log.count { $0.message == "table stopped" } == 1)
  isBroken.withLock { $0 = false }
  await world.run(for: .seconds(31))
  await world.world.expectEqual()
  await world.put(102, "by the feed", age: 300 * day)
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}

// Without the loop, without the feed

@Test(.timeLimit(.minutes(5)))
func `without the loop there are passes for gaps only`() async throws {
  let world = try await DaemonWorld.following { $0.world.settings.loop = false }
  let passes = await world.passes
  await world.run(for: .seconds(7200))
  #expect(await world.passes == passes)
  await world.put(101, "by the feed", age: 300 * day)
  await world.erase([3])
  await world.settle()
  await world.world.expectEqual()
  world.feed.disconnect()
  await world.put(102, "in the gap")
  await world.erase([4])
  #expect(await world.run(within: .seconds(30)) { await world.onTarget(102) != nil })
  #expect(await world.isLive())
  await world.world.expectEqual()
  #expect(await world.passes == passes + 1)
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `without the loop a pass that failed is tried again, and a table that stopped too`()
  async throws
{
  let world = try await DaemonWorld.following { $0.world.settings.loop = false }
  await world.setDown(.target, true)
  await world.put(101, "missed")
  await world.run(for: .seconds(3600))
  let tried = await world.passes
  #expect((12...60).contains(tried))
  await world.setDown(.target, false)
  #expect(await world.run(within: .seconds(301)) { await world.onTarget(101) != nil })
  await world.target.change { target in
    target.before = { target, request in
      request.isWrite && request.table?.name == "items"
        ? target.error(403, "42501", request.table, isWrite: true) : nil
    }
  }
  await world.put(102, "missed")
  await world.run(for: .seconds(600))
  await world.target.change { $0.before = { _, _ in nil } }
  #expect(await world.run(within: .seconds(301)) { await world.onTarget(102) != nil })
  await world.settle()
  await world.world.expectEqual()
  await world.stop()
}

@Test(.timeLimit(.minutes(5)))
func `without the feed there are passes only`() async throws {
  let world = await DaemonWorld(.items())
  world.world.settings.realtime = false
  await world.world.fill(1...20)
  try await world.start()
  await world.world.expectEqual()
  await world.put(101, "by a pass")
  await world.erase([3])
  await world.run(for: .seconds(29))
  #expect(await world.onTarget(101) == nil)
  await world.run(for: .seconds(2))
  await world.world.expectEqual()
  await world.run(for: .seconds(3600))
  #expect((115...125).contains(await world.passes))
  #expect(world.feed.asked.isEmpty)
  #expect(await world.daemon.status().feed.state == .off)
  #expect(await world.source.tables[.marker]?.rows.isEmpty == true)
  await world.stop()
}
