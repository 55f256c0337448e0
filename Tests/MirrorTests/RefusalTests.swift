import JSON
import Mirror
import Supabase
import Testing

private func refusing(_ ids: Set<Int>, code: String = "23514")
  -> @Sendable (
    TableName, [String: JSONToken]
  ) -> MemoryProject.Verdict
{
  { _, row in ids.contains(Int(row["id"]!.text)!) ? .refuse(code) : .accept }
}

@Test(arguments: ["23514", "23505", "22003", "22P02", "P0001", "23502"])
func `one poison row among a thousand stops nobody`(code: String) async {
  let world = await World.items()
  await world.fill(1...1_000)
  await world.target.change { $0.rule = refusing([577], code: code) }
  var report = await world.pass()
  #expect(report.items.upserted == 999 && report.items.quarantined == 1 && !report.isClean)
  #expect(await world.target.tables[TableName(name: "items")]!.rows.count == 999)
  // Not forgotten however long it lasts, and not in the way.
  for _ in 0..<3 {
    world.wait(day)
    report = await world.pass()
    #expect(report.items.quarantined == 1)
  }
  await world.target.change { $0.rule = { _, _ in .accept } }
  report = await world.pass()
  #expect(report.isClean)
  await world.expectEqual()
}

@Test func `several poison rows, one healed at the source, one gone there`() async throws {
  var world = await World.items()
  world.settings.batchSize = 50
  await world.fill(1...500)
  await world.target.change { target in
    target.rule = { _, row in
      [3, 4, 250, 499].contains(Int(row["id"]!.text)!) && row["value"] != text("good")
        ? .refuse("23514") : .accept
    }
  }
  #expect(await world.pass().items.quarantined == 4)
  let now = world.now
  await world.source.change { source in
    source.put("items", [int(3), time(now), text("good")])
    source.erase("items", int(250))
  }
  #expect(await world.pass().items.quarantined == 2)
  let row = try #require(try world.state()?.quarantine[RowKey([int(4)])])
  #expect(row.attempts > 1 && row.code == "23514" && row.since <= world.now)
  await world.target.change { $0.rule = { _, _ in .accept } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `too many poison rows stop the table with the checkpoint before them`() async throws {
  var world = await World.items()
  world.settings.quarantineLimit = 5
  world.settings.batchSize = 10
  await world.fill(1...100)
  await world.target.change { $0.rule = refusing(Set(51...57)) }
  let report = await world.pass()
  #expect(report.items.failure?.contains("more than 5") == true)
  let cursor = try #require(try world.state()?.backfill?.ranges.first?.after?.first)
  #expect(Int(cursor.text)! <= 50)
  world.wait(10 * day)
  await world.target.change { $0.rule = { _, _ in .accept } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `rows that a trigger skips are found, and arrive when it does not`() async {
  let world = await World.items()
  await world.fill(1...300)
  await world.target.change { target in
    target.rule = { _, row in row["id"] == int(5) || row["id"] == int(6) ? .skip : .accept }
  }
  let report = await world.pass()
  #expect(report.items.upserted == 298 && report.items.quarantined == 2)
  await world.target.change { $0.rule = { _, _ in .accept } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a trigger that changes values is reported, with the column`() async {
  let world = await World.items()
  await world.fill(1...30)
  await world.target.change { $0.rule = { _, _ in .change(["value": text("other")]) } }
  let report = await world.pass()
  #expect(report.items.unmirrored.contains { $0.contains("other values") && $0.contains("value") })
  #expect(!report.isClean)
}

@Test func `a trigger that re-keys rows is reported`() async {
  let world = await World.items()
  await world.fill(1...5)
  await world.target.change { target in
    target.rule = { _, row in .change(["id": int(Int(row["id"]!.text)! + 1_000)]) }
  }
  let report = await world.pass()
  #expect(!report.isClean)
}

@Test func `a generated column is left out, and one that differs is reported`() async {
  let world = await World.items(["value": "text", "made": "text"])
  let now = world.now
  await world.source.change { source in
    for id in 1...20 { source.put("items", [int(id), time(now), text("v"), text("made")]) }
  }
  await world.target.change { target in
    target.tables[TableName(name: "items")]!.generated["made"] = text("made")
  }
  var report = await world.pass()
  #expect(report.isClean && report.items.notes.contains { $0.contains("generated") }, "\(report)")
  await world.expectEqual()
  await world.target.change { target in
    target.tables[TableName(name: "items")]!.generated["made"] = text("otherwise")
  }
  world.wait(second)
  let later = world.now
  await world.source.change { $0.put("items", [int(21), time(later), text("v"), text("made")]) }
  report = await world.pass()
  #expect(report.items.unmirrored.contains { $0.contains("made") })
}

@Test func `a generated key column stops the table`() async {
  let world = await World.items()
  await world.fill(1...5)
  await world.target.change { target in
    target.tables[TableName(name: "items")]!.generated["id"] = int(1)
  }
  let report = await world.pass()
  #expect(report.items.failure?.contains("key column id") == true)
}

@Test(arguments: [1, 3, 7])
func `a gateway's limit on bodies makes batches smaller`(limit: Int) async {
  let world = await World.items()
  await world.fill(1...200)
  await world.target.change { $0.writeCap = limit }
  let report = await world.pass()
  #expect(report.isClean && report.items.upserted == 200, "\(report)")
  await world.expectEqual()
}

@Test(arguments: ["57014", nil], [false, true])
func `reads and writes that take too long get smaller`(code: String?, isWrite: Bool) async {
  let world = await World.items()
  await world.fill(1...1_500)
  let slow: MemoryProject.Hook = { project, request in
    guard request.count > 100 else { return nil }
    let status = code == nil ? 504 : 500
    return request.isWrite == isWrite ? project.error(status, code, isWrite: isWrite) : nil
  }
  await (isWrite ? world.target : world.source).change { $0.before = slow }
  var report = await world.pass()
  // One time-out without a word from the server is a size, two are a server that does not answer.
  for _ in 0..<3 where isWrite && code == nil { report = await world.pass() }
  if !(isWrite && code == nil) { #expect(report.isClean, "\(report)") }
  await world.target.change { $0.before = { _, _ in nil } }
  report = await world.pass()
  #expect(report.isClean, "\(report)")
  await world.expectEqual()
}

@Test func `one table that fails leaves the others alone`() async {
  let names = ["first", "second", "third"]
  let world = await World(
    names.map {
      MemoryTable($0, ["id": "bigint", "updated_at": "timestamp with time zone", "value": "text"])
    })
  for name in names { await world.fill(1...10, name) }
  await world.source.change { source in
    source.before = { source, request in
      request.table?.name == "first" ? source.error(403, "42501", request.table) : nil
    }
  }
  var report = await world.pass()
  #expect(report.stopped == nil && report["first"].failure != nil)
  #expect(report["second"].upserted == 10 && report["third"].upserted == 10)
  await world.source.change { $0.before = { _, _ in nil } }
  await world.target.change { $0.tables[TableName(name: "second")] = nil }
  world.wait(minute)
  await world.fill(11...20, "third")
  report = await world.pass()
  #expect(report["second"].failure?.contains("target has no table") == true)
  #expect(report["first"].failure == nil && report["third"].upserted == 10)
}

@Test(arguments: [(401, "PGRST301"), (503, "PGRST002"), (502, nil)] as [(Int, String?)])
func `a project that cannot be used ends the pass with a report`(status: Int, code: String?) async {
  let world = await World.items()
  await world.fill(1...10)
  await world.target.change { target in
    target.before = { target, request in
      request.isWrite ? target.error(status, code, isWrite: true) : nil
    }
  }
  let report = await world.pass()
  #expect(report.stopped != nil && report.stopKind == .project)
  #expect(report.tables.count == 1)
  await world.target.change { $0.before = { _, _ in nil } }
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test func `a state that cannot be written ends the pass as such`() async {
  let world = await World.items()
  await world.fill(1...10)
  world.storage.fail(at: 1)
  let report = await world.pass()
  #expect(report.stopKind == .here && report.stopped?.contains("disk") == true)
}

@Test func `JSON nulls that arrive as SQL NULL are counted`() async throws {
  let world = await World.items(["value": "jsonb"])
  let now = world.now
  await world.source.change { source in
    source.put("items", [int(1), time(now), .null])
    source.put("items", [int(2), time(now), raw("\"null\"")])
  }
  #expect(await world.pass().isClean)
  world.wait(second)
  let later = world.now
  await world.source.change { source in
    source.put("items", [int(3), time(later), MemoryTable.jsonNull])
  }
  var report = await world.pass()
  #expect(report.items.unmirrored.contains { $0.hasPrefix("1 rows have a JSON null in value") })
  // Still there, still told.
  report = await world.pass()
  #expect(!report.isClean)
  world.wait(second)
  let latest = world.now
  await world.source.change { source in
    source.put("items", [int(3), time(latest), raw("{}")])
    source.before = { source, request in
      request.kind == .count ? source.error(500, "57014") : nil
    }
  }
  world.wait(2 * day)
  report = await world.pass()
  #expect(report.items.failure == nil)
  await world.source.change { $0.before = { _, _ in nil } }
  world.wait(2 * day)
  #expect(await world.pass().isClean)
}
