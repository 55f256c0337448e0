import JSON
import Mirror
import Supabase
import Testing
import Transport

@Test func `entries are marked only when their effect is durable`() async {
  for request in 1...60 {
    let world = await World.copied(60)
    await world.source.change { source in
      for id in 1...5 { source.erase("items", int(id)) }
      source.put("items", [int(3), time(noon - 300 * day), text("again")])
    }
    await world.target.forgetRequests()
    await world.target.change { target in
      target.before = { target, _ in
        target.requests.count >= request ? target.failure(.cancelled, isWrite: true) : nil
      }
    }
    let crashed = await world.pass().stopped != nil
    await world.target.change { $0.before = { _, _ in nil } }
    #expect(await world.pass().isClean)
    await world.expectEqual("request \(request)")
    if !crashed { return }
  }
  Issue.record("the pass never got to its end")
}

@Test func `entries that become visible out of order are all done`() async {
  let world = await World.copied(100)
  let early = await { () async -> (RowKey, MemoryTable.Row) in
    await world.source.change { source in
      source.erase("items", int(1))
      source.erase("items", int(2))
    }
    let ledger = await world.source.tables[.ledger]!
    return ledger.rows.min { Int($0.key.values[0].text)! < Int($1.key.values[0].text)! }!
  }()
  await world.source.change { source in
    source.tables[.ledger]!.rows[early.0] = nil
  }
  #expect(await world.pass().items.deleted == 1)
  await world.source.change { source in source.tables[.ledger]!.rows[early.0] = early.1 }
  #expect(await world.pass().items.deleted == 1)
  await world.expectEqual()
}

@Test func `entries of other tables are left alone, unreadable ones are reported`() async {
  let world = await World.copied(100)
  await world.source.change { source in
    source.logged.insert(TableName(name: "sync_mirrors"))
    source.log(TableName(name: "sync_mirrors"), "delete", RowKey([text("x")]))
    for key in ["{\"other\": 1}", "{\"id\": null}", "{\"id\": [1]}", "5", "{}"] {
      source.tables[.ledger]!.put([
        int(Int(source.nextEntry())), text("public"), text("items"), raw(key), text("delete"),
        raw("[]"),
      ])
    }
    source.erase("items", int(9))
  }
  let report = await world.pass()
  #expect(report.items.deleted == 1)
  #expect(report.items.unmirrored.contains { $0.hasPrefix("5 ledger entries") })
  #expect(await world.source.unprocessed() == 6)
  await world.expectEqual()
}

@Test func `a key that the source writes in another way is not absent`() async {
  let table = MemoryTable("items", ["id": "numeric", "updated_at": "timestamp with time zone"])
  let world = await World([table])
  let now = world.now
  await world.source.change { source in
    for id in 1...20 { source.put("items", [raw("\(id).50"), time(now)]) }
  }
  await world.pass()
  await world.source.change { source in
    source.erase("items", raw("3.50"))
    source.log(table.name, "delete", RowKey([raw("4.5")]))
    source.log(table.name, "delete", RowKey([raw("3.5")]))
  }
  let report = await world.pass()
  #expect(report.items.deleted == 1, "\(report)")
  #expect(await world.target.row("items", raw("4.50")) != nil)
  await world.expectEqual()
}

@Test func `without a ledger deletes are reported as not mirrored, unless that is wanted`() async {
  var world = await World.items(ledger: false)
  await world.fill(1...10)
  var report = await world.pass()
  #expect(report.unmirrored.contains { $0.contains("no ledger") })
  world.settings.deletes = false
  report = await world.pass()
  #expect(report.isClean)
  world = await World.items()
  await world.source.change { $0.logged = [] }
  report = await world.pass()
  #expect(report.unmirrored.contains { $0.contains("public.items") })
}

@Test func `a ledger that cannot be read stops no rows`() async {
  let world = await World.copied(10)
  world.wait(minute)
  await world.fill(11...20)
  await world.source.change { source in
    source.before = { source, request in
      request.table == .ledger ? source.error(500, "57014", .ledger) : nil
    }
  }
  let report = await world.pass()
  #expect(report.stopped == nil && !report.unmirrored.isEmpty)
  await world.expectEqual()
}

@Test func `one database as source and target is refused`() async {
  let world = await World.items()
  await world.fill(1...10)
  let report = await Pass(
    settings: world.settings, tables: world.tables, source: world.source, target: world.source,
    store: try! StateStore(world.storage, identity: World.identity), now: { noon }
  ).run()
  #expect(report.stopKind == .configuration)
  #expect(report.stopped?.contains("same database") == true)
  #expect(await !world.source.requests.contains(where: \.isWrite))
}
