import JSON
import Mirror
import Supabase
import Testing

private let time0 = "timestamp with time zone"

private func family(cascades: Bool = false) async -> World {
  var children = MemoryTable(
    "children", ["id": "bigint", "updated_at": time0, "parent": "bigint"],
    references: ["parent": "parents"])
  children.cascades = cascades
  // Configured in the wrong order.
  return await World([children, MemoryTable("parents", ["id": "bigint", "updated_at": time0])])
}

extension World {
  fileprivate func fillFamily(parents: ClosedRange<Int>, childrenOfEach: Int) async {
    let now = now
    await source.change { source in
      for id in parents {
        source.put("parents", [int(id), time(now)])
        for child in 0..<childrenOfEach {
          source.put("children", [int(id * 1_000 + child), time(now), int(id)])
        }
      }
    }
  }
}

@Test func `parents are copied before children`() async {
  let world = await family()
  await world.fillFamily(parents: 1...20, childrenOfEach: 3)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a child whose parent comes later in the pass waits for it`() async {
  let world = await family()
  await world.fillFamily(parents: 1...20, childrenOfEach: 3)
  #expect(await world.pass().isClean)
  // The catalogue does not tell (a key without the right to see it): the order is the configuration's.
  let now = world.now
  await world.source.change { source in
    source.before = { source, request in
      // A parent and its child appear between the two tables' reads.
      if request.kind == .read, request.count > 1, request.table?.name == "children" {
        source.put("parents", [int(99), time(now)])
        source.put("children", [int(99_000), time(now), int(99)])
      }
      return nil
    }
  }
  let first = await world.pass()
  #expect(first["children"].quarantined == 1)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test(arguments: [1, 3, 100])
func `rows of one table that refer to each other, whatever the page`(size: Int) async {
  let table = MemoryTable(
    "items", ["id": "bigint", "updated_at": time0, "parent": "bigint"],
    references: ["parent": "items"])
  var world = await World([table])
  world.settings.batchSize = size
  let now = world.now
  await world.source.change { source in
    // Every row refers to one that comes later.
    for id in 1...30 {
      source.put(
        "items", [int(id), time(now - Int64(40 - id)), id == 30 ? .null : int(id + 1)])
    }
  }
  #expect(await world.pass().isClean)
  await world.expectEqual()
  // Deleted, whatever the order of requests.
  await world.source.change { source in for id in 1...30 { source.erase("items", int(id)) } }
  let report = await world.pass(approval: .all)
  #expect(report.isClean && report["items"].deleted == 30, "\(report)")
  await world.expectEqual()
}

@Test func `a circle of tables is closed by trying again`() async {
  let left = MemoryTable(
    "left", ["id": "bigint", "updated_at": time0, "other": "bigint"], references: ["other": "right"]
  )
  let right = MemoryTable(
    "right", ["id": "bigint", "updated_at": time0, "other": "bigint"], references: ["other": "left"]
  )
  let world = await World([left, right])
  let now = world.now
  await world.source.change { source in
    for id in 1...10 {
      source.put("left", [int(id), time(now), id == 1 ? .null : int(id - 1)])
      source.put("right", [int(id), time(now), int(id)])
    }
  }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `children are deleted before parents`() async {
  let world = await family()
  await world.fillFamily(parents: 1...20, childrenOfEach: 2)
  await world.pass()
  await world.source.change { source in
    source.erase("children", int(5_000))
    source.erase("children", int(5_001))
    source.erase("parents", int(5))
  }
  let report = await world.pass()
  #expect(report.isClean && report["children"].deleted == 2 && report["parents"].deleted == 1)
  await world.expectEqual()
}

@Test func `a parent's delete does not take held children along`() async {
  let world = await family(cascades: true)
  await world.fillFamily(parents: 1...100, childrenOfEach: 3)
  await world.pass()
  await world.source.change { source in
    for id in 1...5 {
      for child in 0..<3 { source.erase("children", int(id * 1_000 + child)) }
      source.erase("parents", int(id))
    }
    for id in 50...90 {
      for child in 0..<3 { source.erase("children", int(id * 1_000 + child)) }
    }
  }
  var report = await world.pass()
  #expect(report["children"].held == 138 && report["parents"].held == 5)
  #expect(await world.target.tables[TableName(name: "children")]!.rows.count == 300)
  report = await world.pass(approval: .tables(["public.parents"]))
  #expect(report["parents"].held == 5)
  #expect(await world.target.tables[TableName(name: "children")]!.rows.count == 300)
  report = await world.pass(approval: .all)
  #expect(report.isClean)
  await world.expectEqual()
}

@Test(arguments: [true, false])
func `a parent's delete does not take the children of a table that stopped along`(isReading: Bool)
  async
{
  var world = await family(cascades: true)
  world.settings.onDrift = .park
  await world.fillFamily(parents: 1...100, childrenOfEach: 3)
  await world.pass()
  await world.source.change { source in
    // Five deletes of parents; what became of their children is not known.
    for id in 1...5 {
      for child in 0..<3 {
        source.put("children", [int(id * 1_000 + child), time(noon + second), int(50)])
      }
      source.erase("parents", int(id))
    }
    guard isReading else { return }
    source.before = { source, request in
      request.table?.name == "children" ? source.error(403, "42501", request.table) : nil
    }
  }
  let children = TableName(name: "children")
  let table = await world.target.tables[children]!
  if !isReading {
    await world.target.change { target in
      target.tables[children] = MemoryTable(
        name: children, columns: Array(table.columns.dropLast()), key: ["id"])
    }
    // The catalogue lacks a column, the rows are as they were.
    await world.target.change { $0.tables[children]!.cascades = true }
  }
  world.wait(2 * second)
  let report = await world.pass()
  #expect(report["children"].failure != nil)
  #expect(report["parents"].deleted == 0 && report["parents"].held == 5, "\(report)")
  await world.source.change { $0.before = { _, _ in nil } }
  await world.target.change { $0.tables[children] = table }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a parent's delete that the target refuses is reported and tried again`() async {
  let world = await family()
  await world.fillFamily(parents: 1...20, childrenOfEach: 1)
  await world.pass()
  // A child that only the target has.
  await world.target.change { $0.put("children", [int(77), time(noon), int(5)]) }
  await world.source.change { source in
    source.erase("children", int(5_000))
    source.erase("parents", int(5))
    source.erase("children", int(6_000))
    source.erase("parents", int(6))
  }
  let report = await world.pass()
  #expect(report["parents"].deleted == 1)
  #expect(report["parents"].unmirrored.contains { $0.contains("refused 1 deletes") })
  await world.target.change { target in
    target.tables[TableName(name: "children")]!.rows[RowKey([int(77)])] = nil
  }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a unique value that a deleted row frees is taken in the same pass`() async {
  let world = await World.items()
  for project in [world.source, world.target] {
    await project.change { $0.tables[TableName(name: "items")]!.unique = [["value"]] }
  }
  await world.fill(1...50)
  await world.pass()
  let now = world.now
  await world.source.change { source in
    source.erase("items", int(7))
    source.put("items", [int(700), time(now + 1), text("v7")])
  }
  world.wait(second)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}
