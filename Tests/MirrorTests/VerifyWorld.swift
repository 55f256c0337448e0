import JSON
import Mirror
import Supabase
import Testing
import Transport

/// A clock on which sleeping takes no time: it goes on at once, and tells.
final class HastyClock: Clock {
  struct Instant: InstantProtocol {
    var offset: Duration
    func advanced(by duration: Duration) -> Self { Self(offset: offset + duration) }
    func duration(to other: Self) -> Duration { other.offset - offset }
    static func < (left: Self, right: Self) -> Bool { left.offset < right.offset }
  }

  private let state = Locked(Duration.zero)
  private let slept: @Sendable (Duration) async -> Void

  init(_ slept: @escaping @Sendable (Duration) async -> Void = { _ in }) { self.slept = slept }

  var now: Instant { Instant(offset: state.withLock { $0 }) }
  var minimumResolution: Duration { .zero }

  func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
    try Task.checkCancellation()
    let time = state.withLock { now in
      let time = max(.zero, deadline.offset - now)
      now += time
      return time
    }
    await slept(time)
  }
}

/// A copied world whose sides are compared.
struct VerifyWorld: Sendable {
  let world: World
  let storage = MemoryStorage()
  var readsRows = false
  /// Happens whenever the comparison sleeps, besides the clock's going on.
  var sleeping: @Sendable (World) async -> Void = { _ in }
  var activity: @Sendable (World) -> MirrorActivity = { _ in .none }

  static let items = TableName(name: "items")

  /// Items that a pass has copied long ago.
  init(_ count: Int, readsRows: Bool = false) async {
    world = await World.items(["value": "text", "data": "jsonb"])
    self.readsRows = readsRows
    for project in [world.source, world.target] { await project.change { $0.installDigests() } }
    let now = world.now
    await world.source.change { source in
      source.put(
        "items", [int(count * 10), time(now - hour), text("v\(count)"), raw("{\"a\": 1}")])
    }
    await world.pass()
    for project in [world.source, world.target] {
      await project.change { project in
        for id in stride(from: 1, to: count, by: 1) {
          project.tables[Self.items]!.put(
            [int(id * 10), time(now - day), text("v\(id)"), raw("{\"a\": 1}")])
        }
      }
    }
    world.wait(hour)
  }

  func run(_ tables: [TableConfiguration]? = nil) async -> VerificationReport {
    let world = world
    let storage = storage
    let clock = HastyClock { [sleeping] time in
      world.wait(Int64(time / .microseconds(1)))
      await sleeping(world)
    }
    var surroundings = Verification.Surroundings(
      source: world.source, target: world.target,
      store: VerifyStore(storage, identity: World.identity), mirror: World.identity.name,
      clock: clock, now: { world.now }, state: { try? world.state($0.name) },
      activity: { [activity] _ in activity(world) })
    surroundings.readsRows = readsRows
    surroundings.chunkRows = 1_024
    return await Verification(tables: tables ?? world.tables, surroundings).run()
  }

  /// Changes a row on the target only.
  func spoil(_ id: Int, _ change: @escaping @Sendable (inout [JSONToken]) -> Void) async {
    await world.target.change { target in
      var row = target.row("items", int(id))!
      change(&row)
      target.tables[Self.items]!.put(row)
    }
  }

  func lose(_ id: Int) async {
    await world.target.change { $0.tables[Self.items]!.rows[RowKey([int(id)])] = nil }
  }

  func add(_ id: Int) async {
    let now = world.now
    await world.target.change { target in
      target.tables[Self.items]!.put([int(id), time(now - hour), text("extra"), .null])
    }
  }
}

extension VerificationReport {
  var items: TableVerification { tables.first { $0.table.name == "items" }! }
}

extension TableVerification {
  /// The keys found, in the order of numbers.
  func keys(_ kind: Kind) -> [Int] {
    faults.filter { $0.kind == kind }.map { Int($0.key.values[0].text)! }.sorted()
  }
}
