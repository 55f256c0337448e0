import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

/// What users do at the source, at random, also between the requests of a pass.
struct RandomUsers: Sendable {
  private struct Pending {
    let start: Int64
    let id: Int
    let isInsert: Bool
  }

  var random: SeededGenerator
  /// Transactions show themselves to `sync_horizon()`, and may then take as long as they like.
  let hasHorizon: Bool
  /// Stamps are of whole seconds, so that several changes of a row may share one.
  let isCoarse: Bool
  private var nextID = 1
  private var pending: [Pending] = []
  private var changes = 0
  /// When a row was last changed, by count of changes; only rows that are there.
  private(set) var changed: [String: [Int: Int]] = ["items": [:], "children": [:]]

  static let patience = 50 * second

  init(seed: UInt64, hasHorizon: Bool, isCoarse: Bool = false) {
    random = SeededGenerator(seed: seed)
    self.hasHorizon = hasHorizon
    self.isCoarse = isCoarse
  }

  /// What the trigger writes.
  private func stamp(_ moment: Int64) -> JSONToken {
    time(isCoarse ? moment - moment % second : moment)
  }

  var now: Int { changes }

  mutating func flip(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

  mutating func act(_ source: isolated MemoryProject) {
    changes += 1
    let time = source.clock.withLock { clock in
      clock += Int64.random(in: 0...(3 * second), using: &random)
      return clock
    }
    let due = pending.filter { hasHorizon ? flip(12) : $0.start + Self.patience <= time }
    for transaction in due { commit(transaction, source) }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: putItem(fresh(), at: time, source)
    case 30..<50: if let id = free(source) { putItem(id, at: time, source) }
    case 50..<62: if let id = free(source) { eraseItem(id, source) }
    case 62..<66: if let id = free(source) { rekey(id, at: flip(2) ? time : nil, source) }
    case 66..<67: truncate(source)
    case 67..<68: putItem(fresh(), at: time + day, source)
    case 68..<73: begin(id: fresh(), isInsert: true, at: time, source)
    case 73..<78:
      if let id = free(source) { begin(id: id, isInsert: false, at: time, source) }
    case 78..<92: if let id = free(source) { putChild(fresh(), of: id, at: time, source) }
    default:
      if let id = changed["children"]!.keys.sorted().randomElement(using: &random) {
        if flip(2), let parent = free(source) {
          putChild(id, of: parent, at: time, source)
        } else if flip(3) {
          // Deleted and put back as it was, in one transaction.
          let row = source.row("children", int(id))!
          source.erase("children", int(id))
          source.put("children", row)
        } else {
          source.erase("children", int(id))
          changed["children"]![id] = nil
        }
      }
    }
  }

  mutating func commitAll(_ source: isolated MemoryProject) {
    for transaction in pending { commit(transaction, source) }
  }

  private mutating func fresh() -> Int {
    nextID += Int.random(in: 1...3, using: &random)
    // Keys in no order of time.
    return nextID * 7_919 % 100_003
  }

  /// A row that no open transaction has locked.
  private mutating func free(_ source: isolated MemoryProject) -> Int? {
    let locked = Set(pending.map(\.id))
    return changed["items"]!.keys.filter { !locked.contains($0) }.sorted().randomElement(
      using: &random)
  }

  private mutating func putItem(_ id: Int, at stamp: Int64, _ source: isolated MemoryProject) {
    let word = flip(25) ? "poison" : "v\(changes)"
    source.put("items", [int(id), self.stamp(stamp), text(word)])
    changed["items"]![id] = changes
  }

  private mutating func putChild(
    _ id: Int, of parent: Int, at stamp: Int64, _ source: isolated MemoryProject
  ) {
    source.put("children", [int(id), self.stamp(stamp), int(parent)])
    changed["children"]![id] = changes
  }

  private mutating func eraseChildren(of id: Int, _ source: isolated MemoryProject) {
    let children = source.tables[TableName(name: "children")]!.rows
    for (key, row) in children where row[2] == int(id) {
      source.erase("children", key.values[0])
      changed["children"]![Int(key.values[0].text)!] = nil
    }
  }

  private mutating func eraseItem(_ id: Int, _ source: isolated MemoryProject) {
    eraseChildren(of: id, source)
    source.erase("items", int(id))
    changed["items"]![id] = nil
  }

  private mutating func rekey(_ id: Int, at stamp: Int64?, _ source: isolated MemoryProject) {
    eraseChildren(of: id, source)
    var row = source.row("items", int(id))!
    let new = fresh()
    guard changed["items"]![new] == nil else { return }
    row[0] = int(new)
    if let stamp { row[1] = self.stamp(stamp) }
    source.rekey("items", RowKey([int(id)]), to: row)
    changed["items"]![id] = nil
    changed["items"]![new] = changes
  }

  private mutating func truncate(_ source: isolated MemoryProject) {
    guard pending.isEmpty else { return }
    source.truncate("children")
    source.truncate("items")
    changed = ["items": [:], "children": [:]]
  }

  private mutating func begin(
    id: Int, isInsert: Bool, at start: Int64, _ source: isolated MemoryProject
  ) {
    pending.append(Pending(start: start, id: id, isInsert: isInsert))
    source.running = pending.map(\.start)
  }

  private mutating func commit(_ transaction: Pending, _ source: isolated MemoryProject) {
    pending.removeAll { $0.id == transaction.id }
    source.running = pending.map(\.start)
    putItem(transaction.id, at: transaction.start, source)
  }
}

@Test(arguments: 0..<200 as Range<UInt64>)
func `whatever users do and whatever fails, the target comes to equal the source`(
  seed: UInt64
) async throws {
  var random = SeededGenerator(seed: seed &+ 1_000_000)
  var children = MemoryTable(
    "children", ["id": "bigint", "updated_at": "timestamp with time zone", "parent": "bigint"],
    references: ["parent": "items"])
  children.cascades = Bool.random(using: &random)
  let items = MemoryTable(
    "items", ["id": "bigint", "updated_at": "timestamp with time zone", "value": "text"])
  var world = await World([children, items])
  let hasHorizon = Bool.random(using: &random)
  let isCoarse = Int.random(in: 0..<4, using: &random) == 0
  if !hasHorizon {
    await world.source.change { _ = $0.functions.remove("sync_horizon") }
    world.settings.lookback = .seconds(60)
  } else {
    // Stamps are cut to the second, which is why the horizon stays behind.
    if isCoarse { await world.source.change { $0.horizonMargin = 5 * second } }
    world.settings.lookback = .zero
  }
  let users = Locked(RandomUsers(seed: seed, hasHorizon: hasHorizon, isCoarse: isCoarse))
  var lanes: Lanes?
  await world.target.change { target in
    target.rule = { _, row in row["value"] == text("poison") ? .refuse("23514") : .accept }
  }
  for _ in 0..<Int.random(in: 3...8, using: &random) {
    world.settings.batchSize = Int.random(in: 1...9, using: &random)
    let cap = Bool.random(using: &random) ? Int.random(in: 1...6, using: &random) : nil
    let isFailing = Int.random(in: 0..<3, using: &random) == 0
    let busy = Int.random(in: 2...8, using: &random)
    for project in [world.source, world.target] {
      let isSource = project.role == "source"
      await project.change { project in
        project.cap = cap
        project.before = { project, request in
          users.withLock { users in
            if isSource, users.flip(busy) { users.act(project) }
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
    await world.source.change { source in
      users.withLock { users in for _ in 0..<6 { users.act(source) } }
    }
    let isCrashing = Int.random(in: 0..<3, using: &random) == 0
    world.storage.fail(at: isCrashing ? Int.random(in: 1...20, using: &random) : nil)
    // What lanes know outlives a pass, as in a daemon, or does not.
    if Bool.random(using: &random) { lanes = try world.lanes() }
    let start = users.withLock { $0.now }
    let isFresh = try ["items", "children"].allSatisfy { try world.state($0)?.scan == nil }
    let approval: DeleteApproval = Bool.random(using: &random) ? .all : .none
    let report = await world.pass(in: lanes, approval: approval)
    world.storage.fail(at: nil)
    if isCrashing { lanes = nil }
    let isWhole =
      isFresh && report.stopped == nil && report.unmirrored.isEmpty
      && report.tables.allSatisfy { $0.failure == nil }
    if isWhole {
      try await world.expectHas(users.withLock { $0 }, changedBefore: start, seed)
    }
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
  for _ in 0..<3 { report = await world.pass(in: lanes, approval: .all) }
  #expect(report.isClean, "seed \(seed): \(report)")
  await world.expectEqual("seed \(seed)")
  #expect(await world.source.unprocessed() == 0, "seed \(seed)")
}

extension RandomUsers {
  mutating func trouble(
    _ project: isolated MemoryProject, _ request: MemoryProject.Request
  ) -> PostgRESTError {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: project.error(503, "PGRST002", request.table, isWrite: request.isWrite)
    case 1: project.error(500, "57014", request.table, isWrite: request.isWrite)
    case 2: project.failure(.timedOut, isWrite: request.isWrite)
    default: project.failure(.interrupted, isWrite: request.isWrite)
    }
  }
}

extension World {
  /// After a whole pass, what had been committed when it began is on the target or in quarantine.
  func expectHas(_ users: RandomUsers, changedBefore start: Int, _ seed: UInt64) async throws {
    let (source, target) = (await source.tables, await target.tables)
    for (name, changed) in users.changed {
      let quarantine = try state(name)?.quarantine ?? [:]
      for (id, change) in changed where change <= start {
        let (name, key) = (TableName(name: name), RowKey([int(id)]))
        guard quarantine[key] == nil else { continue }
        #expect(
          source[name]!.rows[key] == target[name]!.rows[key], "seed \(seed): \(name) \(id)")
      }
    }
  }
}
