import JSON
import Mirror
import Supabase
import Testing

@Test func `a deleted row is deleted, on evidence`() async {
  let world = await World.copied(100)
  await world.source.change { $0.erase("items", int(7)) }
  let report = await world.pass()
  #expect(report.isClean && report.items.deleted == 1)
  await world.expectEqual()
  #expect(await world.source.unprocessed() == 0)
}

@Test func `a row that is missing without evidence stays`() async {
  let world = await World.copied(100)
  await world.source.change { source in
    for id in 50...100 { source.tables[TableName(name: "items")]!.rows[RowKey([int(id)])] = nil }
  }
  world.wait(minute)
  await world.fill(101...110)
  for _ in 0..<3 { await world.pass() }
  #expect(await world.target.tables[TableName(name: "items")]!.rows.count == 110)
  #expect(await !world.target.requests.contains { $0.kind == .delete })
}

@Test func `a source that looks empty empties nothing`() async {
  let world = await World.copied(100)
  await world.source.change { source in
    source.tables[TableName(name: "items")]!.rows = [:]
    source.tables[.ledger]!.rows = [:]
  }
  for _ in 0..<3 { await world.pass() }
  #expect(await world.target.tables[TableName(name: "items")]!.rows.count == 100)
}

@Test func `evidence of a row that is there deletes nothing and is done with`() async {
  let world = await World.copied(100)
  let old = world.now - 300 * day
  await world.source.change { source in
    source.erase("items", int(7))
    // Put back as it was long ago, out of reach of any look-back.
    source.put("items", [int(7), time(old), text("again")])
    source.log(TableName(name: "items"), "delete", RowKey([int(8)]))
    source.log(TableName(name: "items"), "delete", RowKey([int(12_345)]))
  }
  let report = await world.pass()
  #expect(report.isClean && report.items.deleted == 0)
  await world.expectEqual()
  #expect(await world.source.unprocessed() == 0)
}

@Test(arguments: [true, false])
func `a row that comes back around its delete stays`(isBefore: Bool) async {
  let world = await World.copied(100)
  let old = world.now - 300 * day
  await world.source.change { source in
    source.erase("items", int(7))
    source.erase("items", int(8))
    source.before = { source, request in
      // The second look at the keys is the one right before the delete; the third comes after it.
      let looks = source.requests.count { $0.kind == .rows }
      if request.kind == .rows, looks == (isBefore ? 2 : 3) {
        source.put("items", [int(7), time(old), text("again")])
      }
      return nil
    }
  }
  #expect(await world.pass().isClean)
  await world.expectEqual()
  #expect(await world.source.row("items", int(7)) != nil)
  await world.target.forgetRequests()
}

@Test func `a row that came back and is refused is not forgotten`() async {
  let world = await World.copied(100)
  let old = world.now - 300 * day
  await world.source.change { source in
    source.erase("items", int(7))
    source.before = { source, request in
      if request.kind == .rows, source.requests.count(where: { $0.kind == .rows }) == 2 {
        source.put("items", [int(7), time(old), text("poison")])
      }
      return nil
    }
  }
  await world.target.change {
    $0.rule = { _, row in row["value"] == text("poison") ? .refuse("23514") : .accept }
  }
  #expect(await world.pass().items.quarantined == 1)
  await world.target.change { $0.rule = { _, _ in .accept } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a changed key moves its row`() async {
  var world = await World.items()
  await world.fill(1...20)
  for project in [world.source, world.target] {
    await project.change { $0.tables[TableName(name: "items")]!.unique = [["value"]] }
  }
  await world.pass()
  let now = world.now
  // The time does not move: only the ledger tells.
  await world.source.change {
    $0.rekey("items", RowKey([int(7)]), to: [int(700), time(now - 300 * day), text("v7")])
  }
  world.settings.lookback = .zero
  let report = await world.pass()
  #expect(report.isClean && report.items.deleted == 1, "\(report)")
  await world.expectEqual()
}

@Test(arguments: [(11, true), (25, true), (26, false), (90, false)])
func `mass deletes are held until they are approved`(count: Int, isAllowed: Bool) async throws {
  let world = await World.copied(100)
  await world.source.change { source in
    for id in 1...count { source.erase("items", int(id)) }
  }
  world.wait(minute)
  await world.fill(101...102)
  var report = await world.pass()
  if !isAllowed {
    for _ in 0..<2 { report = await world.pass() }
    #expect(report.items.held == count && !report.isClean)
    #expect(report.items.deleted == 0)
    // All else goes on.
    #expect(await world.target.row("items", int(102)) != nil)
    #expect(try world.state()?.heldDeletes == count)
    report = await world.pass(approval: .tables(["public.other"]))
    #expect(report.items.deleted == 0)
    report = await world.pass(approval: .tables(["public.items"]))
  }
  #expect(report.items.deleted == count && report.isClean, "\(report)")
  await world.expectEqual()
  #expect(await world.source.unprocessed() == 0)
  #expect(try world.state()?.heldDeletes == 0)
}

@Test func `more deletes than the limit are held, whatever their share`() async {
  var world = await World.items()
  world.settings.deleteLimitRows = 20
  world.settings.deleteLimitPercent = 100
  world.settings.batchSize = 7
  await world.fill(1...1_000)
  await world.pass()
  await world.source.change { source in
    for id in 1...21 { source.erase("items", int(id)) }
  }
  #expect(await world.pass().items.held == 21)
  #expect(await world.target.tables[TableName(name: "items")]!.rows.count == 1_000)
  let report = await world.pass(approval: .all)
  #expect(report.items.deleted == 21 && report.isClean)
  await world.expectEqual()
}

@Test func `a truncate is held like the deletes it is, and then the table is read whole`() async {
  let world = await World.copied(100)
  await world.source.change { $0.truncate("items") }
  for _ in 0..<2 {
    let report = await world.pass()
    #expect(report.items.held == 100 && report.items.deleted == 0)
  }
  #expect(await world.target.tables[TableName(name: "items")]!.rows.count == 100)
  // A reload of what was there, partly, with the times it had, and of what was not.
  let old = world.now - 300 * day
  await world.source.change { source in
    for id in 51...100 { source.put("items", [int(id), time(old), text("reloaded")]) }
    for id in 201...210 { source.put("items", [int(id), time(old), text("reloaded")]) }
  }
  let report = await world.pass(approval: .all)
  #expect(report.items.deleted == 50 && report.isClean, "\(report)")
  #expect(await world.pass().isClean)
  await world.expectEqual()
  #expect(await world.source.unprocessed() == 0)
}

@Test func `held deletes whose rows are back are held no more`() async throws {
  let world = await World.copied(100)
  let items = await world.source.tables[TableName(name: "items")]!.rows
  await world.source.change { source in
    for id in 1...50 { source.erase("items", int(id)) }
  }
  #expect(await world.pass().items.held == 50)
  await world.source.change { source in
    source.tables[TableName(name: "items")]!.rows = items
  }
  // Ended after the marks and before the state.
  world.storage.fail(at: 2)
  await world.pass()
  world.storage.fail(at: nil)
  #expect(await world.pass().isClean)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}
