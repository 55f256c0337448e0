import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

private let table = TableName(name: "items")

/// How keys may look, and where they stand.
enum Keys: CaseIterable {
  case serial, skewed, uuid, words, number, composite, skewedComposite

  var columns: [(String, String)] {
    switch self {
    case .serial, .skewed: [("id", "bigint")]
    case .uuid: [("id", "uuid")]
    case .words: [("id", "text")]
    case .number: [("id", "numeric")]
    case .composite, .skewedComposite: [("tenant", "text"), ("line", "bigint")]
    }
  }

  func key(_ number: Int, _ random: inout SeededGenerator) -> [JSONToken] {
    switch self {
    case .serial: return [int(number)]
    // Most of them next to each other, some anywhere.
    case .skewed:
      return [int(number % 7 == 0 ? Int.random(in: .min ... .max, using: &random) : number)]
    case .uuid:
      let hex = (0..<32).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }
        .joined()
      let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map { start, end in
        String(hex.dropFirst(start).prefix(end - start))
      }
      return [text(parts.joined(separator: "-"))]
    case .words:
      return [
        text(["", "a b", "é", "\"quoted\"", "Z"].randomElement(using: &random)! + "\(number)")
      ]
    case .number: return [raw("\(number - 50).5")]
    case .composite: return [text("t\(number % 5)"), int(number)]
    // One tenant has nearly everything.
    case .skewedComposite: return [text(number % 20 == 0 ? "t\(number)" : "m"), int(number)]
    }
  }

  func world() async -> World {
    let stamp = ("updated_at", "timestamp with time zone")
    let columns = (columns + [stamp, ("value", "text")]).map { name, format in
      Column(
        name: name, format: format, isNotNull: name != "value",
        isPrimaryKey: self.columns.contains { $0.0 == name }, references: nil)
    }
    var world = await World([
      MemoryTable(name: table, columns: columns, key: self.columns.map(\.0))
    ])
    // Forty rows or more are worth a second lane.
    world.settings.batchSize = 1
    world.settings.deleteLimitPercent = 100
    return world
  }
}

extension World {
  /// Puts so many rows at the source, changed a minute apart, the first one an hour ago: passes do not look so far
  /// back.
  fileprivate func fill(_ keys: Keys, _ count: Int, seed: UInt64 = 1) async {
    let newest = now - hour + minute
    await source.change { source in
      var random = SeededGenerator(seed: seed)
      for number in 1...count {
        source.put(
          "items",
          keys.key(number, &random) + [time(newest - Int64(number) * minute), text("v\(number)")])
      }
    }
  }

  /// How often each row is written from now on.
  fileprivate func countWrites() async -> Locked<[[JSONToken]: Int]> {
    let counts = Locked<[[JSONToken]: Int]>([:])
    let key = tables[0].primaryKeys
    await target.change { target in
      target.rule = { _, row in
        counts.withLock { $0[key.map { row[$0]! }, default: 0] += 1 }
        return .accept
      }
    }
    return counts
  }

  fileprivate func backfill(
    _ scope: BackfillScope? = nil, log: Log = .none,
    progress: @escaping @Sendable (TableProgress) -> Void = { _ in }
  ) async throws -> PassReport {
    let (store, clock) = (try StateStore(storage, identity: Self.identity), clock)
    return await Pass(
      tables: tables,
      Lane.Surroundings(
        source: source, target: target, store: store, settings: settings, log: log,
        now: { clock.withLock { $0 } }, progress: progress, clock: SteppedClock()),
      backfill: scope
    ).run()
  }

  /// The ends of the key ranges that pages were read of.
  fileprivate var ranges: Int {
    get async {
      let ends = await source.requests.compactMap { request in
        request.query?.filters.compactMap { filter -> [JSONToken]? in
          if case .notAfter(_, let values) = filter { values } else { nil }
        }.first
      }
      return Set(ends).count
    }
  }
}

@Test(arguments: Keys.allCases, [2, 1_000])
func `a copy by key has every row once, whatever the keys and however pages are cut`(
  keys: Keys, cap: Int
) async throws {
  let world = await keys.world()
  await world.fill(keys, 160)
  for project in [world.source, world.target] { await project.change { $0.cap = cap } }
  let newest = time(world.now - hour)
  let counts = await world.countWrites()
  let rows = await world.source.tables[table]!.rows.count
  let report = try await world.backfill()
  #expect(report.isClean, "\(report)")
  await world.expectEqual()
  let writes = counts.withLock { $0 }
  #expect(writes.count == rows && writes.values.allSatisfy { $0 == 1 })
  let state = try #require(try world.state())
  #expect(state.isCopiedWhole && state.backfill == nil && state.checkpoint == newest)
  if cap < 10 { #expect(await world.ranges >= 4) }
}

@Test(arguments: [Keys.serial, .uuid, .skewedComposite])
func `lanes that copy a table have about as many rows each`(keys: Keys) async throws {
  let world = await keys.world()
  await world.fill(keys, 320)
  await world.source.change { $0.cap = 5 }
  let lines = Locked<[String]>([])
  let report = try await world.backfill(
    log: Log { event in
      let rows = event.fields.first { $0.key == "lanes.rows" }?.value
      lines.withLock { $0 += rows.map { [$0] } ?? [] }
    })
  #expect(report.isClean)
  let lanes = lines.withLock { $0 }.first!.split(separator: ",").map { Int($0)! }
  #expect(lanes.count == 4)
  #expect(Double(lanes.max()!) <= 1.5 * Double(lanes.reduce(0, +)) / 4, "\(lanes)")
}

@Test func `a table of a few pages is copied by one lane`() async throws {
  let world = await Keys.serial.world()
  await world.fill(.serial, 19)
  await world.source.change { $0.cap = 5 }
  _ = try await world.backfill()
  #expect(await world.ranges == 1)
  await world.expectEqual()
}

@Test(arguments: [nil, 0, 20, 100_000], [1, 2, 4])
func `a wrong estimate changes who copies a row, and nothing else`(
  estimate: Int?, lanes: Int
) async throws {
  var world = await Keys.serial.world()
  world.settings.maxRequests = lanes
  await world.fill(.serial, 240)
  await world.source.change { source in
    source.cap = 4
    source.estimate = estimate
  }
  let counts = await world.countWrites()
  #expect(try await world.backfill().isClean)
  await world.expectEqual()
  #expect(counts.withLock { $0.values.allSatisfy { $0 == 1 } })
  let ranges = await world.ranges
  #expect(
    lanes == 1 ? ranges == 1 : ranges >= (estimate.map { $0 < 240 } ?? false ? 2 : lanes),
    "\(ranges)")
}

@Test func `where counting rows takes the server too long, one lane copies them all`() async throws
{
  let world = await Keys.uuid.world()
  await world.fill(.uuid, 200)
  await world.source.change { source in
    source.cap = 4
    source.before = { source, request in
      (request.query?.offset ?? 0) > 0 ? source.error(500, "57014", request.table) : nil
    }
  }
  #expect(try await world.backfill().isClean)
  await world.expectEqual()
  #expect(await world.source.requests.count { ($0.query?.offset ?? 0) > 0 } <= 5)
}

@Test(arguments: 0..<20 as Range<UInt64>)
func `a copy that is killed again and again writes at most a page a lane twice`(
  seed: UInt64
) async throws {
  var random = SeededGenerator(seed: seed)
  let keys = Keys.allCases.randomElement(using: &random)!
  let world = await keys.world()
  let cap = Int.random(in: 1...5, using: &random)
  await world.fill(keys, 120, seed: seed)
  await world.source.change { $0.cap = cap }
  let counts = await world.countWrites()
  var kills = 0
  while try world.state()?.isCopiedWhole != true, kills < 200 {
    // Nothing that happens from this change of the state on is known afterwards; or a request is its last.
    if Bool.random(using: &random) {
      world.storage.fail(at: Int.random(in: 1...15, using: &random))
    } else {
      let left = Locked(Int.random(in: 1...40, using: &random))
      for project in [world.source, world.target] {
        let isBefore = Bool.random(using: &random)
        let hook: MemoryProject.Hook = { project, request in
          let isOver = left.withLock { left in
            left -= 1
            return left < 0
          }
          return isOver ? project.failure(.cancelled, isWrite: request.isWrite) : nil
        }
        await project.change { if isBefore { $0.before = hook } else { $0.after = hook } }
      }
    }
    _ = try await world.backfill()
    world.storage.fail(at: nil)
    for project in [world.source, world.target] {
      await project.change { project in
        project.before = { _, _ in nil }
        project.after = { _, _ in nil }
      }
    }
    kills += 1
  }
  let rows = await world.source.tables[table]!.rows.count
  let twice = counts.withLock { $0.values.reduce(0, +) } - rows
  #expect(twice <= kills * 4 * cap, "seed \(seed): \(kills) kills")
  #expect(try await world.backfill().isClean)
  await world.expectEqual("seed \(seed)")
}

@Test(arguments: 0..<40 as Range<UInt64>)
func `whatever users do while tables are copied by key, the target comes to equal the source`(
  seed: UInt64
) async throws {
  var random = SeededGenerator(seed: seed &+ 2_000_000)
  let stamp = "timestamp with time zone"
  var children = MemoryTable(
    "children", ["id": "bigint", "updated_at": stamp, "parent": "bigint"],
    references: ["parent": "items"])
  children.cascades = Bool.random(using: &random)
  let items = MemoryTable("items", ["id": "bigint", "updated_at": stamp, "value": "text"])
  var world = await World([children, items])
  world.settings.batchSize = 1
  let hasHorizon = Bool.random(using: &random)
  world.settings.lookback = hasHorizon ? .zero : .seconds(60)
  if !hasHorizon { await world.source.change { _ = $0.functions.remove("sync_horizon") } }
  await world.target.change { target in
    target.rule = { _, row in row["value"] == text("poison") ? .refuse("23514") : .accept }
  }
  let users = Locked(RandomUsers(seed: seed, hasHorizon: hasHorizon))
  await world.source.change { source in
    users.withLock { users in for _ in 0..<180 { users.act(source) } }
  }
  for _ in 0..<Int.random(in: 2...6, using: &random) {
    let isFailing = Bool.random(using: &random)
    let busy = Int.random(in: 1...6, using: &random)
    let cap = Int.random(in: 1...6, using: &random)
    for project in [world.source, world.target] {
      let isSource = project.role == "source"
      await project.change { project in
        project.cap = cap
        project.before = { project, request in
          users.withLock { users in
            if isSource, users.flip(busy) { users.act(project) }
            return isFailing && users.flip(60) ? users.trouble(project, request) : nil
          }
        }
        project.after = { project, request in
          users.withLock { users in
            isFailing && users.flip(80) ? users.trouble(project, request) : nil
          }
        }
      }
    }
    world.storage.fail(
      at: Bool.random(using: &random) ? Int.random(in: 1...40, using: &random) : nil)
    let scopes: [BackfillScope?] = [nil, nil, .missing, .all, .tables([table])]
    _ = try await world.backfill(scopes.randomElement(using: &random)!)
    world.storage.fail(at: nil)
  }
  for project in [world.source, world.target] {
    await project.change { project in
      project.before = { _, _ in nil }
      project.after = { _, _ in nil }
      project.rule = { _, _ in .accept }
    }
  }
  await world.source.change { source in users.withLock { $0.commitAll(source) } }
  world.wait(second)
  var report = PassReport()
  for _ in 0..<3 { report = await world.pass(approval: .all) }
  #expect(report.isClean, "seed \(seed): \(report)")
  await world.expectEqual("seed \(seed)")
  #expect(await world.source.unprocessed() == 0, "seed \(seed)")
}

@Test(arguments: [false, true])
func `what commits late with an older time while the table is copied arrives`(
  hasHorizon: Bool
) async throws {
  var world = await Keys.serial.world()
  world.settings.lookback = hasHorizon ? .zero : .seconds(60)
  if !hasHorizon { await world.source.change { _ = $0.functions.remove("sync_horizon") } }
  await world.fill(.serial, 200)
  let (began, pages) = (world.now - 30 * second, Locked(0))
  await world.source.change { source in
    source.cap = 5
    source.running = [began]
    // Newer than the transaction, and there before the copy begins.
    source.put("items", [int(500), time(began + 10 * second), text("newer")])
    source.before = { source, request in
      guard request.kind == .read, request.count > 1 else { return nil }
      guard
        pages.withLock({
          $0 += 1
          return $0
        }) == 20
      else { return nil }
      // Its keys are behind the copy by now.
      source.put("items", [int(2), time(began), text("late")])
      source.put("items", [int(-5), time(began), text("late")])
      source.running = []
      return nil
    }
  }
  let limit = hasHorizon ? began : began + 10 * second
  let seen = Locked<JSONToken?>(nil)
  let storage = world.storage
  _ = try await world.backfill(progress: { progress in
    guard progress.isBackfill, progress.isDone, let bytes = storage.bytes else { return }
    seen.withLock { $0 = try? StateText.read(bytes, World.identity, path: "")[table]?.checkpoint }
  })
  // The checkpoint is where it may be, and not beyond.
  let reached = try #require(seen.withLock { $0 })
  #expect(reached.string! <= time(limit).string!)
  await world.pass()
  await world.expectEqual()
}

@Test func `rows that the target refuses are set aside, and every other row arrives`() async throws
{
  let world = await Keys.uuid.world()
  await world.fill(.uuid, 300)
  await world.source.change { $0.cap = 7 }
  let bad: Set = [text("v7"), text("v8"), text("v150"), text("v300")]
  await world.target.change { target in
    target.rule = { _, row in bad.contains(row["value"]!) ? .refuse("23514") : .accept }
  }
  let report = try await world.backfill()
  #expect(report.items.quarantined == 4 && report.items.failure == nil)
  #expect(await world.target.tables[table]!.rows.count == 296)
  await world.target.change { $0.rule = { _, _ in .accept } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a column that the target computes itself is left out by every lane`() async throws {
  let world = await World.items(["value": "text", "sum": "bigint"])
  var settings = world
  settings.settings.batchSize = 1
  let now = world.now
  for project in [world.source, world.target] {
    await project.change { $0.tables[table]!.generated["sum"] = int(0) }
  }
  await world.source.change { source in
    source.cap = 5
    for id in 1...200 { source.put("items", [int(id), time(now), text("v"), int(0)]) }
  }
  #expect(try await settings.backfill().isClean)
  await world.expectEqual()
}

@Test func `keys that do not tell rows apart stop the table`() async throws {
  let world = await World.items(["code": "text"])
  var other = world
  other.tables[0] = TableConfiguration(
    name: table, primaryKeys: ["code"], incrementalFields: ["updated_at"])
  let now = world.now
  await world.source.change { source in
    for id in 1...4 { source.put("items", [int(id), time(now), text("same")]) }
  }
  let report = try await other.backfill()
  #expect(report.items.failure?.contains("tell rows apart") == true, "\(report)")
  #expect(try world.state()?.isCopiedWhole != true)
}

@Test func `what is to be copied whole is what was asked for`() async throws {
  let stamp = "timestamp with time zone"
  var world = await World([
    MemoryTable("items", ["id": "bigint", "updated_at": stamp]),
    MemoryTable("others", ["id": "bigint", "updated_at": stamp]),
  ])
  world.settings.initialBackfill = .last(.seconds(60))
  let old = time(world.now - day)
  await world.source.change { source in
    for name in ["items", "others"] { source.put(name, [int(1), old]) }
  }
  await world.pass()
  let rows = { (name: String) in await world.target.tables[TableName(name: name)]!.rows.count }
  #expect(await (rows("items"), rows("others")) == (0, 0))
  _ = try await world.backfill(.tables([table]))
  #expect(await (rows("items"), rows("others")) == (1, 0))
  _ = try await world.backfill(.missing)
  #expect(await (rows("items"), rows("others")) == (1, 1))
  for project in [world.target] {
    await project.change { target in
      for name in target.tables.keys { target.tables[name]!.rows = [:] }
    }
  }
  // The target lost them, which no pass looks for.
  _ = try await world.backfill(.missing)
  #expect(await (rows("items"), rows("others")) == (0, 0))
  _ = try await world.backfill(.all)
  #expect(await (rows("items"), rows("others")) == (1, 1))
}

@Test func `rows that need others of their table are copied as they were changed`() async throws {
  let table = MemoryTable(
    "items", ["id": "bigint", "updated_at": "timestamp with time zone", "parent": "bigint"],
    references: ["parent": "items"])
  var world = await World([table])
  world.settings.batchSize = 3
  world.settings.quarantineLimit = 0
  let now = world.now
  await world.source.change { source in
    // Each row needs the one of the next key, which is older.
    for id in 1...100 {
      let parent: JSONToken = id == 100 ? .null : int(id + 1)
      source.put("items", [int(id), time(now - hour - Int64(id) * second), parent])
    }
  }
  #expect(try await world.backfill(.missing).isClean)
  await world.expectEqual()
  #expect(try world.state()?.isCopiedWhole == true)
  let requests = await world.source.requests.count
  #expect(try await world.backfill(.missing).isClean)
  #expect(await world.source.requests.count - requests < 20)
}

@Test func `a copy tells how far it is, over all its runs`() async throws {
  let world = await Keys.serial.world()
  await world.fill(.serial, 200)
  await world.source.change { $0.cap = 10 }
  let told = Locked<[TableProgress]>([])
  world.storage.fail(at: 8)
  _ = try await world.backfill(progress: { step in told.withLock { $0.append(step) } })
  world.storage.fail(at: nil)
  let first = told.withLock { $0.last! }
  #expect(first.isBackfill && !first.isDone && first.estimate == 200 && first.rows > 0, "\(first)")
  _ = try await world.backfill(progress: { step in told.withLock { $0.append(step) } })
  let steps = told.withLock { $0 }
  let rows = steps.filter(\.isBackfill).map(\.rows)
  #expect(rows.max() == 200 && steps.count { $0.isBackfill && $0.isDone } == 1)
  #expect(steps.allSatisfy { $0.bytes > 0 || !$0.isBackfill })
  #expect(steps.last?.isDone == true)
}

@Test func `rows of one time are read once, where the horizon has passed it`() async throws {
  let world = await Keys.serial.world()
  let stamp = time(world.now - hour)
  await world.source.change { source in
    for id in 1...100 { source.put("items", [int(id), stamp, text("v")]) }
  }
  let report = try await world.backfill()
  #expect(report.isClean && report.items.read == 100, "\(report.items)")
  await world.expectEqual()
}

@Test func `a column that comes while a table is copied makes the copy begin again`() async throws {
  let world = await Keys.serial.world()
  await world.fill(.serial, 60)
  await world.source.change { $0.cap = 5 }
  world.storage.fail(at: 6)
  _ = try await world.backfill()
  world.storage.fail(at: nil)
  #expect(try world.state()?.backfill?.rows ?? 0 > 0)
  for project in [world.source, world.target] {
    await project.change { project in
      let old = project.tables[table]!
      let added = Column(
        name: "added", format: "text", isNotNull: false, isPrimaryKey: false, references: nil)
      var new = MemoryTable(name: table, columns: old.columns + [added], key: old.key)
      for row in old.rows.values {
        // A default of the source's, which the target does not know.
        new.put(row.tokens + [project.role == "source" ? text("default") : .null])
      }
      project.tables[table] = new
    }
  }
  #expect(try await world.backfill().isClean)
  await world.expectEqual()
}
