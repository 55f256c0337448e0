import JSON
import Mirror
import Supabase
import Testing
import Transport

/// A world whose target is recovered.
struct RecoverWorld: Sendable {
  let world: World
  var options = RecoverRun.Options()
  /// Whether a person says yes to deletes.
  var saysYes = false
  /// Called when a phase has ended.
  var told: @Sendable (RecoverPhase) -> Void = { _ in }
  var pair = "pair"

  static let items = TableName(name: "items")

  init(_ world: World, isMigrated: Bool = true) async {
    self.world = world
    guard isMigrated else { return }
    for project in [world.source, world.target] { await project.change { $0.installDigests() } }
  }

  /// The same `count` items on both sides, with the ids 10, 20, ….
  static func items(_ count: Int, isMigrated: Bool = true) async -> RecoverWorld {
    let world = await World.items()
    let now = world.now
    for project in [world.source, world.target] {
      await project.change { project in
        for id in 1...count {
          project.tables[items]!.put([int(id * 10), time(now - day), text("v\(id)")])
        }
      }
    }
    return await RecoverWorld(world, isMigrated: isMigrated)
  }

  func run(
    _ plan: RecoveryPlan? = nil, tables: [TableConfiguration]? = nil
  ) async throws -> RecoverReport {
    let world = world
    let comparing = Verification.Surroundings(
      source: world.source, target: world.target, store: VerifyStore(), mirror: "test",
      clock: HastyClock { time in world.wait(Int64(time / .microseconds(1))) },
      now: { world.now })
    return await RecoverRun(
      settings: world.settings, tables: tables ?? world.tables, of: world.tables,
      store: try StateStore(world.storage, identity: World.identity), pair: pair,
      options: options, saved: plan, comparing: comparing, approve: { [saysYes] _ in saysYes },
      told: { [told] phase, _ throws(ConfigurationError) in told(phase) }
    ).run()
  }

  /// A plan, and nothing else.
  func plan() async throws -> RecoveryPlan {
    var world = self
    world.options.extent = .plan
    let report = try await world.run()
    // As it is kept.
    let bytes = RecoveryPlanText.write(try #require(report.plan))
    return try RecoveryPlanText.read(bytes, path: "plan")
  }

  func lose(_ ids: some Sequence<Int> & Sendable) async {
    await world.target.change { target in
      for id in ids { target.tables[Self.items]!.rows[RowKey([int(id)])] = nil }
    }
  }

  func put(_ side: MemoryProject, _ id: Int, _ value: String, at time: Int64) async {
    await side.change {
      $0.tables[Self.items]!.put([int(id), MirrorTests.time(time), text(value)])
    }
  }

  func value(_ id: Int) async -> String? { await world.target.row("items", int(id))?[2].string }

  func writes() async -> Int { await world.target.requests.count(where: \.isWrite) }
}

extension RecoverReport {
  var items: RepairReport { repairs.first { $0.table.name == "items" }! }
}
