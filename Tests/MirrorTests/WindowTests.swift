import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

/// How much of a table's rows went where.
struct Traffic: Hashable {
  /// Requests that name the table, on both sides.
  var requests = 0
  /// Rows asked for whole, at the source.
  var fetched = 0
}

extension World {
  /// Lanes that outlive passes, as a daemon has them.
  func lanes() throws -> Lanes {
    let clock = clock
    return Lanes(
      Lane.Surroundings(
        source: source, target: target,
        store: try StateStore(storage, identity: Self.identity), settings: settings, log: .none,
        now: { clock.withLock { $0 } }, progress: { _ in }))
  }

  /// - Parameter lanes: nil is a process of its own.
  @discardableResult
  func pass(in lanes: Lanes?, approval: DeleteApproval = .none) async -> PassReport {
    guard let lanes else { return await pass(approval: approval) }
    return await Pass(tables: tables, lanes.surroundings, lanes: lanes, approval: approval).run()
  }

  func withoutHorizon() async -> World {
    await source.change { _ = $0.functions.remove("sync_horizon") }
    return self
  }

  func forgetRequests() async {
    await source.forgetRequests()
    await target.forgetRequests()
  }

  func traffic(_ table: String = "items") async -> Traffic {
    let name = TableName(name: table)
    var traffic = Traffic()
    for request in await source.requests + target.requests where request.table == name {
      traffic.requests += 1
    }
    return traffic
  }

  func touch(_ ids: some Sequence<Int> & Sendable, _ value: String, at stamp: Int64) async {
    await source.change { source in
      for id in ids { source.put("items", [int(id), time(stamp), text(value)]) }
    }
  }
}

extension Lane {
  fileprivate func shrinkMemory(to limit: Int) { memory = WindowMemory(limit: limit) }
  fileprivate func knows(_ id: Int, _ stamp: Int64) -> Bool {
    memory.knows(RowKey([int(id)]), stamp)
  }
}

extension Lanes {
  fileprivate func items() -> Lane { lane(of: TableName(name: "items"))! }
}

private func manyTables(_ count: Int, horizon: Bool) async -> World {
  let stamp = "timestamp with time zone"
  let world = await World(
    (1...count).map {
      MemoryTable("t\($0)", ["id": "bigint", "updated_at": stamp, "value": "text"])
    })
  if !horizon { await world.source.change { _ = $0.functions.remove("sync_horizon") } }
  // The first is empty.
  for number in 2...count { await world.fill(1...(number % 20 + 1), "t\(number)") }
  world.wait(minute)
  return world
}

/// What a pass asks for whatever its tables: documents, clock, horizon, ledger.
private let constant = 14

@Test(arguments: [true, false])
func `a pass in which nothing is new asks once for each table, and saves nothing`(
  horizon: Bool
) async throws {
  let world = await manyTables(40, horizon: horizon)
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  await world.pass(in: lanes)
  let saves = world.storage.saves
  await world.forgetRequests()
  let report = await world.pass(in: lanes)
  #expect(report.isClean && report.tables.allSatisfy { $0.read == 0 && $0.upserted == 0 })
  let requests = await world.source.requests + world.target.requests
  for table in world.tables {
    // The first table tells the source's clock.
    let most = table.name.name == "t1" ? 2 : 1
    #expect(requests.count { $0.table == table.name } <= most, "\(table.name)")
  }
  #expect(requests.count <= 40 + constant)
  #expect(world.storage.saves == saves)
  // What is kept is what the next pass looks at.
  for lane in await lanes.all { #expect(await lane.memory.count <= (horizon ? 1 : 20)) }
}

@Test func `with a horizon, a pass of another process asks no more`() async {
  let world = await manyTables(40, horizon: true)
  await world.pass()
  world.wait(minute)
  await world.pass()
  await world.forgetRequests()
  #expect(await world.pass().isClean)
  #expect(await world.source.requests.count + world.target.requests.count <= 40 + constant)
}

@Test func `after a restart the window is looked up on the target once, by keys`() async throws {
  let world = await World.copied(100).withoutHorizon()
  await world.pass()
  let lanes = try world.lanes()
  await world.forgetRequests()
  var report = await world.pass(in: lanes)
  #expect(report.items.read == 0 && report.items.unchanged == 100 && report.items.upserted == 0)
  let columns = ["updated_at", "id"]
  let looks = await world.target.requests.filter { $0.table?.name == "items" }
  #expect(looks.map(\.query?.columns) == [columns])
  await world.forgetRequests()
  report = await world.pass(in: lanes)
  #expect(report.items.unchanged == 100)
  #expect(await world.target.requests.allSatisfy { $0.table?.name != "items" })
}

/// Where rows are and how they came there.
enum Spread: CaseIterable {
  case oneMoment, aSecondApart, justNow
}

@Test(
  arguments: Spread.allCases,
  [(true, nil), (false, nil), (true, 500), (false, 7)] as [(Bool, Int?)])
func `of many rows only those that changed are read and written`(
  spread: Spread, setUp: (horizon: Bool, cap: Int?)
) async throws {
  let (horizon, cap) = setUp
  var world = await World.items()
  if !horizon { world = await world.withoutHorizon() }
  let count = cap == 7 ? 500 : 3_000
  for project in [world.source, world.target] { await project.change { $0.cap = cap } }
  let now = world.now
  await world.source.change { source in
    for id in 1...count {
      let stamp =
        switch spread {
        case .oneMoment: now - minute
        case .aSecondApart: now - Int64(count - id) * second
        case .justNow: now + Int64(id) * 1_000
        }
      source.put("items", [int(id), time(stamp), text("v\(id)")])
    }
  }
  await world.pass()
  await world.expectEqual()
  for lanes in [nil, try world.lanes()] {
    for round in 1...2 {
      world.wait(minute)
      let changed = Array(stride(from: round, through: count, by: 100))
      await world.touch(changed, "round \(round)", at: world.now - 3)
      await world.forgetRequests()
      let report = await world.pass(in: lanes)
      #expect(report.isClean, "\(report)")
      #expect(report.items.read <= changed.count + changed.count / 20, "\(report.items)")
      #expect(report.items.upserted == changed.count, "\(report.items)")
      await world.expectEqual()
    }
  }
}

@Test func `rows that are all new come by whole pages, and once`() async throws {
  let world = await World.copied(100)
  world.wait(day)
  await world.fill(1_001...4_000)
  await world.forgetRequests()
  let report = await world.pass()
  #expect(report.items.upserted == 3_000 && report.items.read <= 3_100, "\(report.items)")
  #expect(await world.source.requests.count { $0.kind == .rows } == 0)
  await world.expectEqual()
}

@Test func `a row that changes while the window is read arrives as it came to be`() async throws {
  for hit in 1...6 {
    var world = await World.copied(40).withoutHorizon()
    world.settings.batchSize = 2
    await world.pass()
    world.wait(second)
    let now = world.now
    await world.touch([3, 17, 18, 30], "first", at: now)
    let seen = Locked(0)
    await world.source.change { source in
      source.after = { source, request in
        guard request.table?.name == "items",
          seen.withLock({
            $0 += 1
            return $0
          }) == hit
        else {
          return nil
        }
        for id in [1, 17, 30, 40] { source.put("items", [int(id), time(now + 9), text("then")]) }
        source.erase("items", int(18))
        return nil
      }
    }
    await world.pass()
    await world.source.change { $0.after = { _, _ in nil } }
    await world.pass()
    await world.expectEqual("request \(hit)")
  }
}

/// A stretch is read to its end, however many rows have come into it meanwhile.
@Test func `a row that comes into a stretch of rows pushes none out of it`() async throws {
  let world = await World.copied(10)
  world.wait(minute)
  let now = world.now
  await world.touch(101...200, "new", at: now - second)
  await world.source.change { source in
    source.running = [now - 2 * second]
    source.after = { source, request in
      guard request.query?.isCounted == true, request.table?.name == "items" else { return nil }
      source.put("items", [int(50), time(now - 2 * second), text("late")])
      source.put("items", [int(150), time(now - second), text("new")])
      for id in 300...310 { source.put("items", [int(id), time(now - 2 * second), text("late")]) }
      return nil
    }
  }
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  await world.source.change { source in
    source.after = { _, _ in nil }
    source.running = []
  }
  world.wait(minute)
  await world.pass(in: lanes)
  await world.expectEqual()
}

@Test(arguments: [true, false])
func `a row that went back to an older version arrives`(isLost: Bool) async throws {
  let world = await World.copied(10).withoutHorizon()
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  let now = world.now
  // The target takes it, and its answer is lost on the way.
  await world.target.change { target in
    target.after = { target, request in
      isLost && request.isWrite ? target.failure(.interrupted, isWrite: true) : nil
    }
  }
  await world.touch([5], "newer", at: now + second)
  await world.pass(in: lanes)
  #expect(await world.target.row("items", int(5))?[2] == text("newer"))
  await world.target.change { $0.after = { _, _ in nil } }
  // A transaction that began before, and had to wait for the row's lock; or what it was before, put back.
  await world.touch([5], isLost ? "v5" : "older", at: isLost ? now - 5 * second : now - 7 * second)
  await world.pass(in: lanes)
  await world.expectEqual()
}

@Test func `a row that was deleted and put back as it was arrives`() async throws {
  let world = await World.copied(10).withoutHorizon()
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  let row = await world.source.row("items", int(5))!
  await world.source.change { $0.erase("items", int(5)) }
  await world.pass(in: lanes)
  #expect(await world.target.row("items", int(5)) == nil)
  await world.source.change { $0.put("items", row) }
  await world.pass(in: lanes)
  await world.expectEqual()
}

@Test(arguments: ["23514", nil])
func `what the target refused or skipped is not known to be there`(code: String?) async throws {
  let world = await World.copied(3).withoutHorizon()
  await world.target.change { target in
    target.rule = { _, row in
      guard row["value"] == text("poison") else { return .accept }
      return code.map { .refuse($0) } ?? .skip
    }
  }
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  let now = world.now
  await world.touch([2, 7], "poison", at: now + 1)
  await world.touch([8], "good", at: now + 1)
  let report = await world.pass(in: lanes)
  #expect(report.items.quarantined == 2)
  let lane = await lanes.items()
  for (id, stamp) in [(2, now + 1), (2, now - second), (7, now + 1)] {
    #expect(await lane.knows(id, stamp) == false)
  }
  #expect(await lane.knows(8, now + 1) == (code != nil), "of a batch with skipped rows none is")
  await world.target.change { $0.rule = { _, _ in .accept } }
  await world.pass(in: lanes)
  await world.expectEqual()
  for id in [2, 7] { #expect(await lane.knows(id, now + 1)) }
}

@Test(arguments: [2, 16, 100])
func `a memory that is too small costs looks at the target, and no rows`(limit: Int) async throws {
  let world = await World.copied(200).withoutHorizon()
  // Looks ahead of the source's pages stay within half of a hundred.
  for project in [world.source, world.target] { await project.change { $0.cap = 10 } }
  await world.pass()
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  await lanes.items().shrinkMemory(to: limit)
  for round in 1...3 {
    world.wait(second)
    await world.touch([round, 100, 150 + round], "round \(round)", at: world.now)
    let report = await world.pass(in: lanes)
    #expect(await lanes.items().memory.count <= limit)
    if limit >= 100 { #expect(report.items.read == 3 && report.items.upserted == 3, "\(report)") }
    await world.expectEqual()
  }
}

@Test func `what a cascade on the target took is not known to be there`() async throws {
  var children = MemoryTable(
    "items", ["id": "bigint", "updated_at": "timestamp with time zone", "parent": "bigint"],
    references: ["parent": "parents"])
  children.cascades = true
  let parents = MemoryTable("parents", ["id": "bigint", "updated_at": "timestamp with time zone"])
  let world = await World([parents, children]).withoutHorizon()
  let now = world.now
  await world.source.change { source in
    source.put("parents", [int(1), time(now)])
    source.put("items", [int(7), time(now), int(1)])
  }
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  #expect(await lanes.items().knows(7, now))
  // The source does without the foreign key.
  await world.source.change { $0.erase("parents", int(1)) }
  await world.pass(in: lanes)
  #expect(await world.target.row("items", int(7)) == nil)
  let report = await world.pass(in: lanes)
  #expect(report.items.quarantined == 1, "it cannot be put back, and that is said")
}

@Test func `the first pass with a horizon still looks back, the next one does not`() async throws {
  let world = await World.items().withoutHorizon()
  await world.fill(1...10)
  await world.pass()
  #expect(try world.state()?.held == nil)
  let now = world.now
  // Began before the checkpoint, and ended after it was set.
  await world.touch([100], "late", at: now - 4 * minute)
  await world.source.change { _ = $0.functions.insert("sync_horizon") }
  world.wait(minute)
  var report = await world.pass()
  #expect(report.items.upserted == 1 && report.items.unchanged == 10, "\(report.items)")
  await world.expectEqual()
  #expect(try world.state()?.held?.isPassed == true)
  report = await world.pass()
  #expect(report.items.unchanged == 0 && report.items.read == 0)
}

@Test func `a checkpoint that other passes moved is not held`() async throws {
  let world = await World.copied(10)
  world.wait(minute)
  #expect(await world.pass().isClean)
  #expect(try world.state()?.held?.isPassed == true)
  _ = await world.withoutHorizon()
  await world.fill(11...12)
  let now = world.now
  await world.pass()
  await world.touch([100], "late", at: now - second)
  await world.source.change { _ = $0.functions.insert("sync_horizon") }
  await world.pass()
  await world.expectEqual()
}

@Test(arguments: ["date", "bigint", "timestamp with time zone", "timestamp without time zone"])
func `where equal values may hide a change, rows are compared whole`(format: String) async {
  let table = MemoryTable(
    "items", ["id": "bigint", "at": format, "value": "text"], notNull: ["at"])
  let world = await World([table], fields: ["items": "at"]).withoutHorizon()
  let whole = world.now - world.now % day
  let at =
    switch format {
    case "date": text(TimeText.date(whole))
    case "bigint": int(5)
    case "timestamp with time zone": time(whole + 3 * second)
    default: text(TimeText.timestamp(whole + 3_000, offset: ""))
    }
  await world.source.change { $0.put("items", [int(1), at, text("first")]) }
  await world.pass()
  // Twice within one day, one number, one second, one millisecond.
  await world.source.change { $0.put("items", [int(1), at, text("second")]) }
  let report = await world.pass()
  #expect(report.items.upserted == 1, "\(report.items)")
  await world.expectEqual()
  #expect(await world.pass().items.unchanged == 1)
}

@Test(arguments: [true, false])
func `rows of one coarse stamp that come in several batches all arrive`(horizon: Bool) async throws
{
  let world = await World.items()
  if !horizon { _ = await world.withoutHorizon() }
  let stamp = world.now - world.now % second - 100 * day
  let lanes = try world.lanes()
  for batch in 0..<4 {
    await world.touch(batch * 50..<batch * 50 + 50, "batch \(batch)", at: stamp)
    await world.pass(in: batch < 2 ? nil : lanes)
    await world.expectEqual("batch \(batch)")
  }
  // Nobody can be at work on them any more, and the lane has compared them.
  await world.forgetRequests()
  let report = await world.pass(in: lanes)
  #expect(report.items.unchanged == 200 && report.items.read == 0)
  #expect(await world.target.requests.allSatisfy { $0.table?.name != "items" })
}

@Test func `with a horizon, a stamp that is not over yet is compared whole`() async {
  let world = await World.items()
  let whole = world.now - world.now % second
  world.wait(second)
  await world.touch([1], "first", at: whole)
  await world.pass()
  await world.touch([1], "second", at: whole)
  #expect(await world.pass().items.upserted == 1)
  await world.expectEqual()
}

@Test func `rows are copied again with a column that passes did not know`() async throws {
  let world = await World.copied(10)
  // The source's schema cache learns of it late: rows are copied without it.
  let wide = MemoryTable(
    "items",
    pairs: [
      ("id", "bigint"), ("updated_at", "timestamp with time zone"), ("value", "text"),
      ("more", "text"),
    ])
  for project in [world.source, world.target] {
    await project.change { project in
      let old = project.tables[wide.name]!
      project.tables[wide.name] = wide
      for row in old.rows.values {
        let more = project.role == "source" && row[0] == int(9) ? text("more") : .null
        project.tables[wide.name]!.put(row.tokens + [more])
      }
    }
  }
  let report = await world.pass()
  #expect(report.items.upserted == 10, "\(report.items)")
  await world.expectEqual()
}

@Test func `a nullable field's rows are followed with a window as well`() async throws {
  var table = MemoryTable(
    "items", ["id": "bigint", "updated_at": "timestamp with time zone", "value": "text"],
    notNull: [])
  table.unique = []
  let world = await World([table])
  let now = world.now
  await world.source.change { source in
    for id in 1...20 {
      source.put("items", [int(id), id % 4 == 0 ? .null : time(now - Int64(id)), text("v")])
    }
  }
  let lanes = try world.lanes()
  await world.pass(in: lanes)
  for round in 1...3 {
    world.wait(minute)
    let now = world.now
    await world.source.change { source in
      source.put("items", [int(4), .null, text("round \(round)")])
      source.put("items", [int(5 + round), .null, text("round \(round)")])
      source.put("items", [int(12), round == 2 ? time(now) : .null, text("round \(round)")])
    }
    let report = await world.pass(in: lanes)
    #expect(report.isClean && report.items.upserted == 3, "\(report)")
    await world.expectEqual("round \(round)")
  }
}
