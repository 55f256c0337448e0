import JSON
import Supabase
import Testing
import Transport

@testable import Mirror

/// Two tables; `beside` never changes its columns and always goes on.
struct DriftWorld: Sendable {
  var world: World

  /// Items long before the look-back, copied, with ledgers and a clean pass behind them.
  init(_ count: Int = 20) async {
    let tables = ["items", "beside"].map {
      MemoryTable(
        $0, ["id": "bigint", "updated_at": "timestamp with time zone", "value": "text"])
    }
    world = await World(tables)
    for table in ["items", "beside"] { await world.fill(1...count, table) }
    world.wait(day)
    #expect(await world.pass().isClean)
    await expectSame()
  }

  var source: MemoryProject { world.source }
  var target: MemoryProject { world.target }

  /// A new row in each table, and whatever else happens at the source.
  func put(_ id: Int, _ more: [JSONToken] = [], to table: String = "items") async {
    world.wait(second)
    let now = world.now
    await source.change { $0.put(table, [int(id), time(now), text("v\(id)")] + more) }
  }

  @discardableResult
  func pass() async -> PassReport {
    world.wait(minute)
    await put(1_000 + Int(world.now / minute % 100_000), to: "beside")
    let report = await world.pass()
    #expect(report["beside"].isClean && report["beside"].upserted == 1, "\(report["beside"])")
    return report
  }

  /// Both sides hold the same values in the columns that both have.
  func expectSame(
    _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let (left, right) = (await source.tables, await target.tables)
    for name in world.tables.map(\.name) {
      let shared = Set(left[name]!.columns.map(\.name)).intersection(
        right[name]!.columns.map(\.name))
      let rows = [left, right].map { side in
        side[name]!.byName.mapValues { row in row.filter { shared.contains($0.key) } }
      }
      #expect(rows[0] == rows[1], comment, sourceLocation: sourceLocation)
    }
  }

  func value(_ column: String, of id: Int) async -> JSONToken? {
    await target.tables[TableName(name: "items")]!.byName[RowKey([int(id)])]?[column]
  }
}

@Test func `a column that comes at the source waits for the target, and old rows are filled`()
  async throws
{
  let drift = await DriftWorld()
  await drift.source.change { $0.add("note", to: "items") { text("note \($0[0].text)") } }
  await drift.put(21, [text("new")])
  for _ in 0..<2 {
    let report = await drift.pass()
    #expect(report.exitCode == .incomplete && report.items.failure == nil)
    #expect(report.items.leftOut == ["note"])
    #expect(report.items.unmirrored.count == 1)
    #expect(report.items.unmirrored[0].contains("ALTER TABLE public.items ADD COLUMN note text"))
    await drift.expectSame()
  }
  #expect(await drift.pass().items.upserted == 0)
  await drift.target.change { $0.add("note", to: "items") }
  let report = await drift.pass()
  #expect(report.isClean, "\(report)")
  #expect(report.items.notes.contains { $0.contains("copied whole again: column note") })
  #expect(await drift.value("note", of: 3) == text("note 3"))
  await drift.expectSame()
  let next = await drift.pass()
  #expect(next.items.upserted == 0 && !next.items.notes.contains { $0.contains("again") })
  #expect(try drift.world.state()?.isCopiedWhole == true)
}

@Test func `rows that a long transaction keeps behind the checkpoint are filled as well`() async {
  let drift = await DriftWorld()
  await drift.source.change { $0.add("note", to: "items") { $0[2] } }
  let now = drift.world.now
  await drift.source.change { $0.running = [now] }
  await drift.put(21, [text("new")])
  #expect(await drift.pass().items.upserted == 1)
  await drift.target.change { $0.add("note", to: "items") }
  // The target has the row in this version, but not in this shape.
  #expect(await drift.pass().isClean)
  #expect(await drift.value("note", of: 21) == text("new"))
  await drift.expectSame()
}

@Test func `a column that the source drops keeps its values on the target`() async {
  let drift = await DriftWorld()
  await drift.source.change { $0.drop("value", of: "items") }
  let now = drift.world.now
  await drift.source.change { source in
    for id in [3, 30] { source.put("items", [int(id), time(now)]) }
  }
  let report = await drift.pass()
  #expect(report.isClean && report.items.upserted == 2, "\(report)")
  #expect(report.items.notes.contains { $0.contains("value is on the target alone") })
  #expect(await drift.value("value", of: 3) == text("v3"))
  #expect(await drift.value("value", of: 30) == .null)
  await drift.target.change { $0.drop("value", of: "items") }
  #expect(await drift.pass().items.upserted == 0)
  await drift.expectSame()
}

@Test func `a column that the target drops is filled when it is back`() async {
  let drift = await DriftWorld()
  await drift.target.change { $0.drop("value", of: "items") }
  await drift.put(21)
  let report = await drift.pass()
  #expect(report.items.failure == nil && report.items.leftOut == ["value"])
  #expect(report.items.upserted == 1)
  await drift.target.change { $0.add("value", to: "items") }
  #expect(await drift.pass().isClean)
  #expect(await drift.value("value", of: 3) == text("v3"))
  await drift.expectSame()
}

@Test(arguments: [true, false])
func `a rename loses no value, whichever side comes first`(isSourceFirst: Bool) async {
  let drift = await DriftWorld()
  let sides = isSourceFirst ? [drift.source, drift.target] : [drift.target, drift.source]
  await sides[0].change { $0.rename("value", to: "title", of: "items") }
  await drift.put(21)
  let now = drift.world.now
  await drift.source.change { $0.put("items", [int(3), time(now), text("changed")]) }
  let report = await drift.pass()
  #expect(report.items.failure == nil && report.exitCode == .incomplete)
  #expect(report.items.unmirrored.first?.contains("RENAME COLUMN") == true)
  // What the target has is not set to null, though its column has no value at the source.
  #expect(await drift.value(isSourceFirst ? "value" : "title", of: 3) == text("v3"))
  await sides[1].change { $0.rename("value", to: "title", of: "items") }
  #expect(await drift.pass().isClean)
  #expect(await drift.value("title", of: 3) == text("changed"))
  #expect(await drift.value("title", of: 21) == text("v21"))
  await drift.expectSame()
}

@Test func `another type stops that table alone, and all is copied again when it fits`() async {
  let drift = await DriftWorld()
  // As `ALTER … USING` does it: values are others, and no row's time has moved.
  await drift.source.change { source in
    source.retype("value", to: "numeric", of: "items") { _ in raw("7") }
  }
  let now = drift.world.now
  await drift.source.change { $0.put("items", [int(30), time(now), raw("8")]) }
  for _ in 0..<2 {
    let report = await drift.pass()
    #expect(report.items.failure?.contains("value is numeric at the source") == true)
    #expect(report.items.upserted == 0)
    #expect(await drift.value("value", of: 3) == text("v3"))
  }
  await drift.target.change { target in
    target.retype("value", to: "numeric", of: "items") { _ in raw("0") }
  }
  let report = await drift.pass()
  #expect(report.isClean && report.items.upserted == 21, "\(report.items)")
  await drift.expectSame()
}

@Test func `a type that comes to hold more on the target first stops nothing`() async {
  let drift = await DriftWorld()
  for project in [drift.source, drift.target] {
    await project.change { $0.add("n", "integer", to: "items") { $0[0] } }
  }
  await drift.pass()
  await drift.target.change { $0.retype("n", to: "bigint", of: "items") }
  await drift.put(21, [int(21)])
  var report = await drift.pass()
  #expect(report.isClean && report.items.upserted == 1)
  await drift.source.change { $0.retype("n", to: "bigint", of: "items") }
  await drift.put(22, [int(1 << 40)])
  report = await drift.pass()
  #expect(report.isClean && report.items.upserted == 1)
  // Back at the source alone: not a narrower one at once.
  await drift.target.change { $0.retype("n", to: "integer", of: "items") { _ in int(0) } }
  #expect(await drift.pass().items.failure != nil)
  await drift.target.change { $0.retype("n", to: "bigint", of: "items") }
  #expect(await drift.pass().isClean)
  await drift.expectSame()
}

@Test func `with park a table stops until the target has the column`() async {
  var drift = await DriftWorld()
  drift.world.settings.onDrift = .park
  await drift.source.change { $0.add("note", to: "items") { $0[2] } }
  await drift.put(21, [text("new")])
  let report = await drift.pass()
  #expect(report.items.failure?.contains("ADD COLUMN note text") == true)
  #expect(await drift.value("value", of: 21) == nil)
  await drift.target.change { $0.add("note", to: "items") }
  #expect(await drift.pass().isClean)
  await drift.expectSame()
}

@Test func `a column that only the target has, and that must not be null, stops the table`()
  async throws
{
  let drift = await DriftWorld()
  await drift.target.change { $0.add("owner", to: "items", isNotNull: true) { _ in text("me") } }
  await drift.put(3)
  await drift.put(21)
  var report = await drift.pass()
  #expect(report.items.failure?.contains("ALTER COLUMN owner DROP NOT NULL") == true)
  #expect(report.items.quarantined == 0)
  await drift.target.change { $0.drop("owner", of: "items") }
  report = await drift.pass()
  #expect(report.isClean && report.items.upserted == 2)
  await drift.expectSame()
}

@Test func `a key that is renamed stops the table, and is taken up when both have it`() async {
  var drift = await DriftWorld()
  await drift.source.change { source in
    var table = source.tables[TableName(name: "items")]!
    table = MemoryTable(name: table.name, columns: table.columns, key: ["number"])
    let rows = source.tables[table.name]!.rows.values.map(\.tokens)
    table.columns[0] = Column(
      name: "number", format: "bigint", isNotNull: true, isPrimaryKey: true, references: nil)
    for row in rows { table.put(row) }
    source.tables[table.name] = table
  }
  var report = await drift.pass()
  #expect(report.items.failure?.contains("no column id at the source") == true)
  let renamed = await drift.source.tables[TableName(name: "items")]!
  await drift.target.change { target in
    var table = MemoryTable(name: renamed.name, columns: renamed.columns, key: ["number"])
    for row in target.tables[table.name]!.rows.values { table.put(row.tokens) }
    target.tables[table.name] = table
  }
  drift.world.tables[0] = TableConfiguration(
    name: renamed.name, primaryKeys: ["number"], incrementalFields: ["updated_at"])
  await drift.put(21)
  report = await drift.pass()
  #expect(report.items.failure == nil && report.items.upserted == 21, "\(report)")
  await drift.expectSame()
}

@Test func `where the incremental field is gone the next one is followed, from the start`() async {
  var drift = await DriftWorld()
  drift.world.tables[0] = TableConfiguration(
    name: TableName(name: "items"), primaryKeys: ["id"],
    incrementalFields: ["updated_at", "made_at"])
  for project in [drift.source, drift.target] {
    await project.change { $0.add("made_at", "timestamp with time zone", to: "items") { $0[1] } }
  }
  await drift.pass()
  for project in [drift.source, drift.target] {
    await project.change { $0.drop("updated_at", of: "items") }
  }
  let now = drift.world.now
  await drift.source.change { $0.put("items", [int(30), text("new"), time(now)]) }
  let report = await drift.pass()
  #expect(report.isClean, "\(report)")
  #expect(report.items.notes.contains { $0.contains("passes follow made_at") })
  await drift.expectSame()
}

@Test(arguments: [true, false], [true, false])
func `a table that was gone is copied again, also where it is back empty`(
  isTarget: Bool, isEmpty: Bool
) async throws {
  let drift = await DriftWorld()
  let name = TableName(name: "items")
  let side = isTarget ? drift.target : drift.source
  let table = await side.tables[name]!
  await side.change { $0.tables[name] = nil }
  let gone = await drift.pass()
  #expect(gone.items.failure?.contains("has no table") == true)
  await side.change { side in
    side.tables[name] = table
    if isEmpty { side.tables[name]!.rows = [:] }
  }
  await drift.put(21)
  let report = await drift.pass()
  #expect(report.isClean, "\(report)")
  if isTarget || !isEmpty {
    #expect(report.items.upserted == 21)
    await drift.expectSame()
  } else {
    // Only evidence deletes.
    #expect(await drift.target.tables[name]!.rows.count == 21)
  }
}

@Test(arguments: [true, false])
func `a column that goes while a pass is under way costs no row and no value`(isSource: Bool)
  async
{
  let drift = await DriftWorld()
  await drift.put(3)
  await drift.put(21)
  let side = isSource ? drift.source : drift.target
  let isDone = Locked(false)
  await side.change { side in
    side.before = { side, request in
      let isFirst = isDone.withLock { isDone in
        guard !isDone, request.table?.name == "items", isSource || request.isWrite else {
          return false
        }
        isDone = true
        return true
      }
      if isFirst { side.drop("value", of: "items") }
      return nil
    }
  }
  let stopped = await drift.pass()
  #expect(stopped.items.failure != nil || isSource && stopped.items.read == 2, "\(stopped.items)")
  #expect(await drift.value("updated_at", of: 2) != nil)
  let next = await drift.pass()
  #expect(next.items.failure == nil, "\(next.items)")
  await drift.expectSame()
  if isSource { #expect(await drift.value("value", of: 5) == text("v5")) }
}

/// The state is lost at every save in turn, as by a crash between a write and its checkpoint.
@Test func `a column that goes and comes back is filled, wherever the program was killed`()
  async throws
{
  for save in 1...8 {
    let drift = await DriftWorld(5)
    await drift.target.change { $0.drop("value", of: "items") }
    await drift.put(3)
    await drift.put(6)
    drift.world.storage.fail(at: save)
    drift.world.wait(minute)
    await drift.world.pass()
    drift.world.storage.fail(at: nil)
    await drift.target.change { $0.add("value", to: "items") }
    let report = await drift.world.pass()
    #expect(report.isClean, "\(save): \(report)")
    #expect(await drift.value("value", of: 6) == text("v6"), "\(save)")
    #expect(await drift.value("value", of: 3) == text("v3"), "\(save)")
    // Killed before anything was durable, nothing had been written, and nobody has seen that the column was gone.
    if save > 1 { await drift.expectSame("\(save)") }
  }
}

@Test(arguments: [true, false])
func `a table that is made anew between two passes is copied again, by its lost triggers`(
  isTarget: Bool
) async throws {
  let drift = await DriftWorld()
  let name = TableName(name: "items")
  #expect(try drift.world.state()?.triggers == ["source", "target"])
  let side = isTarget ? drift.target : drift.source
  await side.change { side in
    // At the source its old rows are others, and on the target there are none.
    for key in side.tables[name]!.rows.keys {
      var row = side.tables[name]!.rows[key]!.tokens
      row[2] = text("restored")
      side.tables[name]!.put(row)
    }
    if isTarget { side.tables[name]!.rows = [:] }
    _ = side.logged.remove(name)
  }
  let report = await drift.pass()
  #expect(report.items.upserted == 20, "\(report.items)")
  await drift.expectSame()
  #expect(await drift.pass().items.upserted == 0)
}
