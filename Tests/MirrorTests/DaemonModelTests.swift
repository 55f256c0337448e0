import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

extension MemoryFeed.Faults {
  /// Whatever may be wrong with it for a while.
  static func random(_ chance: Locked<SeededGenerator>) -> Self {
    var faults = MemoryFeed.Faults()
    let (fault, one, delay) = chance.withLock { random in
      (
        Int.random(in: 0..<10, using: &random), Int.random(in: 2...6, using: &random),
        Int.random(in: 0...4_000, using: &random)
      )
    }
    let happens: @Sendable () -> Bool = {
      chance.withLock { Int.random(in: 0..<one, using: &$0) == 0 }
    }
    switch fault {
    case 0: faults.isReachable = false
    case 1: faults.isSilent = true
    case 2: faults.loses = { _ in happens() }
    case 3: faults.loses = { $0.table != .marker && happens() }
    case 4: faults.deafTime = .seconds(3)
    case 5: faults.refused = [TableName(name: happens() ? "items" : "children")]
    case 6: faults.changes = { happens() ? $0.damaged() : $0 }
    case 7: faults.refused = [.marker]
    default: break
    }
    faults.delay = .milliseconds(delay)
    return faults
  }
}

extension FeedChange {
  /// Without what it was about.
  fileprivate func damaged() -> FeedChange {
    FeedChange(
      table: table, kind: kind, key: nil, oldKey: nil, commitTime: nil, hasErrors: key == nil)
  }
}

private func world(seed: UInt64, _ random: inout SeededGenerator) async -> DaemonWorld {
  let stamp = "timestamp with time zone"
  var children = MemoryTable(
    "children", ["id": "bigint", "updated_at": stamp, "parent": "bigint"],
    references: ["parent": "items"])
  children.cascades = Bool.random(using: &random)
  let items = MemoryTable("items", ["id": "bigint", "updated_at": stamp, "value": "text"])
  var base = await World([children, items])
  base.settings.lookback = .seconds(60)
  base.settings.deleteLimitPercent = 100
  base.settings.batchSize = Int.random(in: 2...20, using: &random)
  base.settings.loop = Int.random(in: 0..<4, using: &random) > 0
  let world = await DaemonWorld(base, marker: Int.random(in: 0..<5, using: &random) > 0)
  let cap = Bool.random(using: &random) ? Int.random(in: 1...6, using: &random) : nil
  for project in [world.source, world.target] { await project.change { $0.cap = cap } }
  await world.target.change { target in
    target.rule = { _, row in row["value"] == text("poison") ? .refuse("23514") : .accept }
  }
  return world
}

extension DaemonWorld {
  /// Users act between any two requests, and some requests fail.
  fileprivate func setTrouble(_ users: Locked<RandomUsers>, _ isFailing: Bool) async {
    for project in [source, target] {
      let isSource = project.role == "source"
      await project.change { project in
        project.before = { project, request in
          users.withLock { users in
            if isSource, users.flip(8) { users.act(project) }
            return isFailing && users.flip(25) ? users.trouble(project, request) : nil
          }
        }
        project.after = { project, request in
          users.withLock { users in
            isFailing && users.flip(40) ? users.trouble(project, request) : nil
          }
        }
      }
    }
  }

  fileprivate func endTrouble(_ users: Locked<RandomUsers>) async {
    for project in [source, target] {
      await project.change { project in
        project.before = { _, _ in nil }
        project.after = { _, _ in nil }
        project.rule = { _, _ in .accept }
      }
    }
    world.storage.fail(at: nil)
    await source.change { source in users.withLock { $0.commitAll(source) } }
    setFeed { $0 = MemoryFeed.Faults() }
  }

  /// The daemon dies: what it did not make durable is forgotten.
  fileprivate func crash() async throws {
    world.storage.fail(at: 1)
    await stop()
    world.storage.fail(at: nil)
    try await start()
  }
}

@Test(.timeLimit(.minutes(5)), arguments: 0..<100 as Range<UInt64>)
func `whatever users do and whatever the feed loses, the target comes to equal the source`(
  seed: UInt64
) async throws {
  var random = SeededGenerator(seed: seed &+ 5_000_000)
  let world = await world(seed: seed, &random)
  let users = Locked(RandomUsers(seed: seed, hasHorizon: true))
  let chance = Locked(SeededGenerator(seed: seed &+ 6_000_000))
  let all = world.world.tables
  try await world.start()
  for _ in 0..<Int.random(in: 3...6, using: &random) {
    let faults = MemoryFeed.Faults.random(chance)
    world.setFeed { $0 = faults }
    await world.setTrouble(users, Int.random(in: 0..<3, using: &random) == 0)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      await world.source.change { source in
        users.withLock { users in for _ in 0..<6 { users.act(source) } }
      }
      await world.run(for: .milliseconds(Int.random(in: 0...15_000, using: &random)))
    }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: try await world.crash()
    case 1: world.feed.disconnect()
    case 2: if let channel = world.feed.channel(of: "items") { world.feed.end(channel) }
    case 3: if let channel = world.feed.channel(of: "items") { world.feed.subscribeAgain(channel) }
    case 4:
      // Parents stay: a cascade could take children of a table that nobody looks at.
      await world.daemon.reload(Array(all[1...]))
      await world.run(for: .seconds(5))
      await world.daemon.reload(all)
    default: break
    }
  }
  await world.endTrouble(users)
  // What was refused is asked for again when somebody says that the cause is mended.
  await world.daemon.reload(all)
  let passes = await world.passes
  await world.run(for: world.world.settings.loop ? .seconds(120) : .seconds(700))
  await world.world.expectEqual("seed \(seed)")
  #expect(await world.source.unprocessed() == 0, "seed \(seed)")
  #expect(await world.passes - passes <= 20, "seed \(seed)")
  // And from then on by the feed alone.
  let calm = await world.passes
  await world.source.change { source in
    source.put("items", [int(900_000), time(noon - 300 * day), text("last")])
  }
  await world.settle()
  #expect(await world.onTarget(900_000) != nil, "seed \(seed)")
  #expect(await world.passes == calm, "seed \(seed)")
  await world.stop()
}
