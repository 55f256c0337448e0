import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

/// What people do to the columns of `items` on either side, at random, also between the requests of a pass.
///
/// What is undone before a pass has seen it cannot be found out, so a name or a type that has gone comes back only when
/// a pass has begun since.
struct RandomDrift: Sendable {
  var random: SeededGenerator
  /// Passes that have begun.
  var passes = 0
  /// Columns that are others than at this pass's begin, by side.
  private var touched: [String: [String: Int]] = ["source": [:], "target": [:]]
  private var nextID = 1
  private var counter = 0
  var acts = 0

  static let name = TableName(name: "items")
  private static let names = ["value", "c1", "c2", "c3"]

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func flip(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

  private func isFree(_ column: String, _ project: isolated MemoryProject) -> Bool {
    touched[project.role]![column].map { $0 < passes } ?? true
  }

  private mutating func touch(_ column: String, _ project: isolated MemoryProject) {
    touched[project.role]![column] = passes
  }

  mutating func act(_ project: isolated MemoryProject) {
    acts += 1
    let isSource = project.role == "source"
    if isSource, !flip(3) { return changeRows(project) }
    guard project.tables[Self.name] != nil else {
      guard isFree("", project) else { return }
      // Back, and empty.
      project.tables[Self.name] = lost
      touch("", project)
      return
    }
    let there = project.tables[Self.name]!.columns.map(\.name).filter(Self.names.contains)
    let free = Self.names.filter { !there.contains($0) && isFree($0, project) }
    let column = there.filter { isFree($0, project) }.randomElement(using: &random)
    let new = free.randomElement(using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<3:
      guard let new else { return }
      project.add(new, to: "items") { isSource ? text("\(new) of \($0[0].text)") : .null }
      touch(new, project)
    case 3..<5:
      guard let column else { return }
      project.drop(column, of: "items")
      touch(column, project)
    case 5..<7:
      guard let column, let new else { return }
      project.rename(column, to: new, of: "items")
      touch(column, project)
      touch(new, project)
    case 7..<9:
      guard let column else { return }
      let isText = project.tables[Self.name]!.format(column) == "text"
      counter += 1
      let value = text("cast \(counter)")
      project.retype(column, to: isText ? "character varying" : "text", of: "items") {
        isText ? value : $0
      }
      touch(column, project)
    default:
      guard !isSource, isFree("", project) else { return }
      lost = project.tables[Self.name]
      lost?.rows = [:]
      project.tables[Self.name] = nil
      touch("", project)
    }
  }

  private(set) var lost: MemoryTable?

  private mutating func changeRows(_ source: isolated MemoryProject) {
    counter += 1
    let now = source.clock.withLock { clock in
      clock += second
      return clock
    }
    // A transaction that has been open for a while holds checkpoints back.
    if flip(6) {
      source.running = flip(2) ? [] : [now - Int64.random(in: 0...60, using: &random) * second]
    }
    let table = source.tables[Self.name]!
    if flip(8), let key = table.rows.keys.min(by: { $0.values[0].text < $1.values[0].text }) {
      return source.erase("items", key.values[0])
    }
    let isNew = flip(2)
    if isNew { nextID += 1 }
    let id = isNew ? nextID : Int.random(in: 1...nextID, using: &random)
    let row = table.columns.map { column in
      switch column.name {
      case "id": int(id)
      case "updated_at": time(now)
      default: flip(6) ? JSONToken.null : text("\(column.name) \(counter)")
      }
    }
    source.put("items", row)
  }

  /// The target gets the source's columns.
  mutating func mend(_ target: isolated MemoryProject, like source: MemoryTable) {
    if target.tables[Self.name] == nil { target.tables[Self.name] = lost }
    let columns = target.tables[Self.name]!.columns
    for column in columns where !source.columns.contains(where: { $0.name == column.name }) {
      target.drop(column.name, of: "items")
    }
    for column in source.columns {
      if target.tables[Self.name]!.columns.contains(where: { $0.name == column.name }) {
        target.retype(column.name, to: column.format, of: "items")
      } else {
        target.add(column.name, column.format, to: "items")
      }
    }
  }
}

@Test(arguments: 0..<200 as Range<UInt64>)
func `however columns drift on both sides, equal columns lead to equal rows`(seed: UInt64)
  async throws
{
  var random = SeededGenerator(seed: seed &+ 5_000_000)
  var drift = await DriftWorld(Int.random(in: 1...12, using: &random))
  if Bool.random(using: &random) { drift.world.settings.onDrift = .park }
  let world = drift.world
  let people = Locked(RandomDrift(seed: seed))
  var lanes: Lanes?
  for _ in 0..<Int.random(in: 4...10, using: &random) {
    let busy = Int.random(in: 2...6, using: &random)
    let isQuiet = Int.random(in: 0..<3, using: &random) == 0
    for project in [world.source, world.target] {
      await project.change { project in
        project.before = { project, request in
          guard request.kind != .catalogue, !isQuiet else { return nil }
          people.withLock { people in if people.flip(busy) { people.act(project) } }
          return nil
        }
      }
      let count = Int.random(in: 0...8, using: &random)
      await project.change { project in
        people.withLock { people in for _ in 0..<count { people.act(project) } }
      }
    }
    world.wait(second)
    let now = world.now
    await world.source.change { source in
      source.put("beside", [int(Int(now / second % 1_000_000)), time(now), text("beside")])
    }
    // What lanes know outlives a pass, as in a daemon, or does not.
    if Bool.random(using: &random) { lanes = try world.lanes() }
    if Bool.random(using: &random) { lanes = nil }
    people.withLock { people in
      people.passes += 1
      people.acts = 0
    }
    let report = await world.pass(in: lanes)
    #expect(report.stopped == nil && report["beside"].isClean, "seed \(seed): \(report)")
    if people.withLock({ $0.acts }) == 0, report.items.failure == nil {
      await drift.expectSame("seed \(seed)")
    }
  }
  for project in [world.source, world.target] {
    await project.change { $0.before = { _, _ in nil } }
  }
  world.wait(second)
  people.withLock { $0.passes += 1 }
  await world.pass(in: lanes)
  let source = await world.source.tables[RandomDrift.name]!
  await world.target.change { target in people.withLock { $0.mend(target, like: source) } }
  var report = PassReport()
  for _ in 0..<2 { report = await world.pass(in: lanes, approval: .all) }
  #expect(report.isClean, "seed \(seed): \(report)")
  await drift.expectSame("seed \(seed)")
  #expect(await world.source.unprocessed() == 0, "seed \(seed)")
}
