import JSON
import Mirror
import Supabase
import Testing
import Transport

@Test func `bytes in are bytes out`() async {
  let columns: KeyValuePairs = [
    "big": "bigint", "number": "numeric", "real": "double precision", "plain": "json",
    "binary": "jsonb", "words": "text[]", "word": "text",
  ]
  let world = await World.items(columns)
  // So that passes look back.
  await world.source.change { _ = $0.functions.remove("sync_horizon") }
  let rows: [[String]] = [
    [
      "9223372036854775807", "12345678901234567890.12345678901234567890", "-0",
      "{\"b\" : 1,  \"a\":[1.0, -0, 1e400 ]}", "{\"a\": 1.00}", "[\"a\\\"b\", null]",
      "\"\\u00e9 \\\\ \\/ \\t \u{1F600} é\"",
    ],
    ["-9223372036854775808", "1e-40", "\"NaN\"", "\"}],[{\"", "\"null\"", "[]", "\"\""],
    ["null", "0.10", "1e+308", "false", "[null]", "null", "null"],
    ["9007199254740993", "\"NaN\"", "\"-Infinity\"", "12", "-0.0", "null", "\"\\u0001\""],
  ]
  await world.source.change { source in
    for (number, row) in rows.enumerated() {
      source.put(
        "items",
        [int(number), raw("\"2024-06-01T11:59:0\(number).123456+00:00\"")] + row.map(raw))
    }
  }
  let report = await world.pass()
  #expect(report.isClean, "\(report)")
  await world.expectEqual()
  let again = await world.pass()
  #expect(again.items.unchanged == 4 && again.items.upserted == 0)
}

@Test(arguments: 1...7, [1, 2, 3, 5, 8, 500])
func `a page's border loses nothing`(cap: Int, size: Int) async {
  var world = await World.items()
  world.settings.batchSize = size
  let now = world.now
  await world.source.change { source in
    source.cap = cap
    // Runs of one value: one row, a page, more than a page.
    for id in 1...23 {
      let group = Int64(
        [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4, 4, 5, 6, 6, 6, 7, 7, 7, 7][id - 1])
      source.put("items", [int(id * 37 % 100), time(now - hour + group * second), text("\(id)")])
    }
  }
  await world.target.change { $0.cap = cap }
  let report = await world.pass()
  #expect(report.isClean && report.items.upserted == 23, "\(report)")
  await world.expectEqual()
}

@Test func `rows changed while pages are read are copied as they came to be`() async {
  var world = await World.items()
  world.settings.batchSize = 10
  await world.fill(1...200)
  let now = world.now
  await world.source.change { source in
    source.before = { source, request in
      let number = source.requests.count
      guard request.kind == .read, request.count > 1, number % 2 == 0, number < 60 else {
        return nil
      }
      // One read already, one not yet, one new, each with the newest time.
      for id in [number, 200 - number, 1_000 + number] {
        source.put(
          "items", [int(id), time(now + Int64(number)), text("changed \(number)")])
      }
      return nil
    }
  }
  await world.pass()
  await world.source.change { $0.before = { _, _ in nil } }
  world.wait(second)
  #expect(await world.pass().isClean)
  await world.expectEqual()
}

@Test(.timeLimit(.minutes(1)))
func `rows that come faster than pages are read do not keep a pass from its end`() async {
  let world = await World.items()
  await world.fill(1...50)
  await world.source.change { source in
    source.before = { source, request in
      guard request.kind == .read, request.table?.name == "items", source.requests.count < 2_000
      else { return nil }
      let number = source.requests.count
      let now = source.clock.withLock { time in
        time += second
        return time
      }
      source.put("items", [int(1_000 + number), time(now), text("new")])
      return nil
    }
  }
  let report = await world.pass()
  #expect(report.isClean, "\(report)")
  #expect(await world.source.requests.count < 100)
  await world.source.change { $0.before = { _, _ in nil } }
  await world.pass()
  await world.expectEqual()
}

@Test func `a first pass with a history copies what is newer, and the rest stays out`() async throws
{
  var world = await World.items()
  world.settings.initialBackfill = .last(.seconds(60))
  let now = world.now
  await world.source.change { source in
    source.put("items", [int(1), time(now - 61 * second), text("old")])
    source.put("items", [int(2), time(now - 60 * second), text("just in")])
    source.put("items", [int(3), time(now - second), text("new")])
  }
  let report = await world.pass()
  #expect(await world.target.row("items", int(1)) == nil)
  #expect(await world.target.row("items", int(2)) != nil)
  #expect(report.items.notes.contains { $0.contains("SYNC_INITIAL_BACKFILL_MS") })
  #expect(report.isClean)
}

@Test func `an empty table's rows are copied when they come, however late`() async {
  var world = await World.items()
  world.settings.initialBackfill = .last(.seconds(86_400))
  let start = world.now
  #expect(await world.pass().isClean)
  for _ in 0..<3 {
    world.wait(40 * day)
    await world.pass()
  }
  // Stamped long before it appears: nothing newer had been copied.
  await world.source.change { $0.put("items", [int(1), time(start + day), text("late")]) }
  await world.pass()
  await world.expectEqual()
}

@Test func `rows without a value in the field are followed all the same`() async {
  var table = MemoryTable(
    "items", ["id": "bigint", "updated_at": "timestamp with time zone", "value": "text"],
    notNull: [])
  table.unique = []
  var world = await World([table])
  world.settings.batchSize = 3
  let now = world.now
  await world.source.change { source in
    for id in 1...20 {
      let at = id % 3 == 0 ? JSONToken.null : time(now - Int64(id) * second)
      source.put("items", [int(id), at, text("v")])
    }
  }
  #expect(await world.pass().items.upserted == 20)
  await world.expectEqual()
  await world.source.change { source in
    source.put("items", [int(3), .null, text("changed")])
    source.put("items", [int(4), .null, text("without")])
    source.put("items", [int(90), .null, text("new")])
  }
  let report = await world.pass()
  #expect(report.items.upserted == 3)
  await world.expectEqual()
}

@Test(arguments: ["bigint", "integer", "smallint", "date", "timestamp without time zone"])
func `fields of every kind are followed`(format: String) async {
  let table = MemoryTable(
    "items", ["id": "bigint", "field": format, "value": "text"], notNull: ["field"])
  var world = await World([table], fields: ["items": "field"])
  world.settings.batchSize = 4
  let token: @Sendable (Int) -> JSONToken = { number in
    let at = noon - 20 * day + Int64(number) * 6 * hour
    return switch format {
    case "date": text(TimeText.date(at))
    case "timestamp without time zone": text(TimeText.timestamp(at, offset: ""))
    default: int(number - 10)
    }
  }
  for round in 0..<6 {
    await world.source.change { source in
      for id in 0..<7 {
        source.put("items", [int(round * 5 + id), token(round * 7 + id), text("\(round)")])
      }
    }
    let report = await world.pass()
    #expect(report.isClean, "\(report)")
    await world.expectEqual("round \(round)")
    world.wait(day)
  }
}

@Test func `integers that begin again after a truncate are found`() async {
  let table = MemoryTable("items", ["id": "text", "version": "bigint"], notNull: ["version"])
  var world = await World([table], fields: ["items": "version"], ledger: false)
  world.settings.batchSize = 2
  await world.source.change { source in
    for id in 1...100 { source.put("items", [text("a\(id)"), int(id)]) }
  }
  await world.pass()
  await world.source.change { source in
    source.tables[TableName(name: "items")]!.rows = [:]
    for id in 1...5 { source.put("items", [text("b\(id)"), int(id)]) }
  }
  await world.pass()
  for id in 1...5 { #expect(await world.target.row("items", text("b\(id)")) != nil) }
}

@Test func `a field that is the whole key, and keys of several columns`() async {
  let alone = MemoryTable("alone", ["id": "bigint", "value": "text"])
  let pair = MemoryTable(
    "pair", key: ["b", "a"],
    ["a": "text", "b": "bigint", "updated_at": "timestamp with time zone"])
  var world = await World([alone, pair], fields: ["alone": "id"])
  world.settings.batchSize = 3
  let now = world.now
  await world.source.change { source in
    for id in 1...20 {
      source.put("alone", [int(id), text("v")])
      source.put("pair", [text("\(id % 4)"), int(id % 5), time(now - Int64(id % 3))])
    }
  }
  #expect(await world.pass().isClean)
  await world.expectEqual()
  await world.source.change { source in
    for id in 21...40 { source.put("alone", [int(id), text("v")]) }
    source.erase("pair", int(1), text("1"))
  }
  let report = await world.pass()
  #expect(report["pair"].deleted == 1 && report.isClean)
  await world.expectEqual()
}

@Test func `rows that share a key stop the table, as one would hide the other`() async {
  let table = MemoryTable(
    "items", key: ["id", "part"],
    ["id": "bigint", "part": "bigint", "updated_at": "timestamp with time zone"])
  var world = await World([table])
  world.tables = [
    TableConfiguration(name: table.name, primaryKeys: ["id"], incrementalFields: ["updated_at"])
  ]
  let now = world.now
  await world.source.change { source in
    for part in 1...2 { source.put("items", [int(1), int(part), time(now)]) }
  }
  let report = await world.pass()
  #expect(report.items.failure?.contains("same id") == true)
  #expect(report.items.notes.contains { $0.contains("unique") })
}

/// Every table was asked in turn, one after the other.
@Test func `a server that does not tell the time is asked for it once a pass`() async {
  let names = (1...20).map { "items\($0)" }
  let world = await World(
    names.map {
      MemoryTable($0, pairs: [("id", "bigint"), ("updated_at", "timestamp with time zone")])
    })
  await world.source.change { $0.tellsTime = false }
  await world.pass()
  await world.source.forgetRequests()
  await world.pass()
  let asked = await world.source.requests.filter {
    $0.table != .ledger && $0.query?.columns == ["id"] && $0.query?.limit == 1
  }
  #expect(asked.count == 1)
}
